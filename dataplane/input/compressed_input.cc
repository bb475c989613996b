#include "dataplane/input/compressed_input.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace weir {
namespace {

constexpr int kGzipFirst = 0x1f;  // RFC 1952 §2.3.1
constexpr int kZstdFirst = 0x28;  // RFC 8878 §3.1.1

class GzipInput final : public CompressedInput {
 public:
  explicit GzipInput(std::FILE* file) : CompressedInput(file) {
    constexpr int kWindowAndGzip = 15 + 16;  // the greatest window, a gzip header
    ready_ = inflateInit2(&state_, kWindowAndGzip) == Z_OK;
  }
  ~GzipInput() override {
    if (ready_) inflateEnd(&state_);
  }
  [[nodiscard]] bool ready() const { return ready_; }

 private:
  std::size_t decompress(char* to, std::size_t octets) override {
    state_.next_out = reinterpret_cast<Bytef*>(to);
    state_.avail_out = static_cast<uInt>(std::min(octets, kBuffer));
    const uInt wanted = state_.avail_out;
    while (state_.avail_out == wanted) {
      if (state_.avail_in == 0) {
        if (!fill()) return in_member_ ? fail("the gzip data ends early") : 0;
        if (!started_ && (filled_ < 2 || buffer_[1] != 0x8b)) return fail("unknown file format");
        started_ = true;
        state_.next_in = buffer_.get();
        state_.avail_in = static_cast<uInt>(filled_);
      }
      if (!in_member_) {
        // After a member: another one, or padding, which gzip ignores, too.
        if (*state_.next_in != kGzipFirst) return 0;
        inflateReset(&state_);
        in_member_ = true;
      }
      const int result = inflate(&state_, Z_NO_FLUSH);
      if (result == Z_STREAM_END) {
        in_member_ = false;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        // The data before it is good; the next call returns this error again.
        return wanted != state_.avail_out ? wanted - state_.avail_out : fail("the gzip data is damaged");
      }
    }
    return wanted - state_.avail_out;
  }

  z_stream state_{};
  bool ready_ = false;
  bool in_member_ = true;
  bool started_ = false;  ///< the magic number is right
};

class ZstdInput final : public CompressedInput {
 public:
  explicit ZstdInput(std::FILE* file) : CompressedInput(file) {}
  [[nodiscard]] bool ready() const { return state_ != nullptr; }

 private:
  struct Free {
    void operator()(ZSTD_DStream* state) const { ZSTD_freeDStream(state); }
  };

  std::size_t decompress(char* to, std::size_t octets) override {
    ZSTD_outBuffer out{to, octets, 0};
    while (out.pos == 0) {
      // The library may still hold contents that it has read, so the end of the file is not yet the end.
      if (in_.pos == in_.size && !full_) {
        if (!fill()) return in_frame_ ? fail("the zstd data ends early") : 0;
        if (!started_ && (filled_ < 4 || std::memcmp(buffer_.get(), "\x28\xb5\x2f\xfd", 4) != 0)) {
          return fail("unknown file format");
        }
        started_ = true;
        in_ = {buffer_.get(), filled_, 0};
      }
      const std::size_t result = ZSTD_decompressStream(state_.get(), &out, &in_);
      if (ZSTD_isError(result) != 0) return fail("the zstd data is damaged");
      in_frame_ = result != 0;
      full_ = in_frame_ && out.pos == out.size;
    }
    return out.pos;
  }

  std::unique_ptr<ZSTD_DStream, Free> state_{ZSTD_createDStream()};
  ZSTD_inBuffer in_{nullptr, 0, 0};
  bool in_frame_ = true;
  bool full_ = false;     ///< the library may have more contents than there was room for
  bool started_ = false;  ///< the magic number is right
};

}  // namespace

bool CompressedInput::begins_with(int octet) {
  return octet == kGzipFirst || octet == kZstdFirst;
}

std::unique_ptr<CompressedInput> CompressedInput::open(std::FILE* file) {
  const int first = std::getc(file);
  std::ungetc(first, file);
  const auto checked = [](auto input) -> std::unique_ptr<CompressedInput> {
    if (!input->ready() || input->stream() == nullptr) return nullptr;
    return input;
  };
  if (first == kGzipFirst) return checked(std::make_unique<GzipInput>(file));
  return checked(std::make_unique<ZstdInput>(file));
}

CompressedInput::CompressedInput(std::FILE* file) : buffer_(new std::uint8_t[kBuffer]), file_(file) {
  cookie_io_functions_t functions{};
  functions.read = &CompressedInput::read;
  stream_ = fopencookie(this, "rb", functions);
}

CompressedInput::~CompressedInput() {
  if (file_ != stdin) std::fclose(file_);
}

bool CompressedInput::fill() {
  filled_ = std::fread(buffer_.get(), 1, kBuffer, file_);
  octets_read_ += filled_;
  if (filled_ == 0 && std::ferror(file_) != 0) problem_ = std::generic_category().message(errno);
  return filled_ != 0;
}

std::size_t CompressedInput::fail(std::string what) {
  if (problem_.empty()) problem_ = std::move(what);
  return 0;
}

ssize_t CompressedInput::read(void* self, char* to, std::size_t octets) {
  auto* input = static_cast<CompressedInput*>(self);
  const std::size_t got = octets == 0 || !input->problem_.empty() ? 0 : input->decompress(to, octets);
  if (got != 0 || input->problem_.empty()) return static_cast<ssize_t>(got);
  errno = EIO;
  return -1;
}

}  // namespace weir
