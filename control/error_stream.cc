#include "control/error_stream.h"

#include <spdlog/sinks/ansicolor_sink.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string_view>

namespace weir {
namespace {

using Sink = spdlog::sinks::ansicolor_sink<spdlog::details::console_mutex>;

/// How often the thread looks whether something waits, in ms.
constexpr int kLookEveryMs = 100;

/// Those of the last ErrorStream: reachable, though nobody frees them.
LossyOutput* last_output = nullptr;
std::FILE* last_stream = nullptr;

/// What standard error was when the last ErrorStream began.
struct stat last_file {};

/// While EAL starts, another file has the place of standard error, to catch what it says there (dataplane/dpdk/eal.cc).
bool standard_error_is_another() {
  struct stat now {};
  return fstat(STDERR_FILENO, &now) == 0 && (now.st_dev != last_file.st_dev || now.st_ino != last_file.st_ino);
}

ssize_t put_message(void* output, const char* text, std::size_t octets) {
  if (standard_error_is_another()) return write(STDERR_FILENO, text, octets);
  static_cast<LossyOutput*>(output)->put(std::string_view(text, octets));
  return static_cast<ssize_t>(octets);
}

}  // namespace

void log_to(std::FILE* stream, bool colour) {
  auto sink = std::make_shared<Sink>(stream, colour ? spdlog::color_mode::always : spdlog::color_mode::never);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("weir", std::move(sink)));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ %v");
}

ErrorStream::ErrorStream() : output_(new LossyOutput(STDERR_FILENO)), before_(stderr) {
  last_output = output_;
  static_cast<void>(fstat(STDERR_FILENO, &last_file));
  cookie_io_functions_t functions{};
  functions.write = put_message;
  std::FILE* const stream = fopencookie(output_, "w", functions);
  if (stream == nullptr) return;  // no memory: as it was
  last_stream = stream;
  std::setvbuf(stream, nullptr, _IONBF, 0);
  stderr = stream;
  logger_before_ = spdlog::default_logger();
  log_to(stream, isatty(STDERR_FILENO) != 0);
  thread_ = std::thread([this] { run(); });
}

ErrorStream::~ErrorStream() {
  if (!thread_.joinable()) return;
  over_ = true;
  thread_.join();
  const auto end = std::chrono::steady_clock::now() + kLastCall;
  while (!output_->pump() && std::chrono::steady_clock::now() < end) {
    static_cast<void>(output_->wait_writable(kLookEveryMs));
  }
  spdlog::set_default_logger(logger_before_);
  stderr = before_;
}

void ErrorStream::run() {
  while (!over_) {
    if (!output_->waiting()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(kLookEveryMs));
    } else if (output_->wait_writable(kLookEveryMs)) {
      output_->pump();
    }
  }
}

}  // namespace weir
