#include "tools/ctl/watch.h"

#include <grpcpp/grpcpp.h>
#include <langinfo.h>
#include <ncurses.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <clocale>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "tools/ctl/asking.h"
#include "tools/ctl/watch_screen.h"

namespace weir::ctl {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::chrono::seconds kTopEvery{5};
constexpr std::uint32_t kTopFlows = 50;

/// Asks weir, and keeps what it said.
class Looks {
 public:
  Looks(v1::Control::Stub& stub, std::string socket_path) : stub_(stub), socket_path_(std::move(socket_path)) {}

  /// False: weir does not answer; `watched().trouble` says why.
  bool look(bool with_top) {
    v1::StatusReply status;
    v1::Ledger ledger;
    grpc::ClientContext of_status;
    grpc::ClientContext of_ledger;
    for (auto* context : {&of_status, &of_ledger}) context->set_deadline(std::chrono::system_clock::now() + kPatience);
    auto result = stub_.Status(&of_status, {}, &status);
    if (result.ok()) result = stub_.Ledger(&of_ledger, {}, &ledger);
    if (!result.ok()) {
      watched_.trouble = describe(result, socket_path_);
      return false;
    }
    const auto now = Clock::now();
    if (looked_) {
      watched_.before = std::move(watched_.ledger);
      watched_.seconds = std::chrono::duration<double>(now - *looked_).count();
    }
    looked_ = now;
    watched_.trouble.clear();
    watched_.status = std::move(status);
    watched_.ledger = std::move(ledger);
    remember(watched_);
    if (with_top && (!top_ || now - *top_ >= kTopEvery)) look_at_flows();
    return true;
  }
  [[nodiscard]] const Watched& watched() const { return watched_; }

 private:
  void look_at_flows() {
    v1::TopRequest request;
    request.set_sort("rate");
    request.set_limit(kTopFlows);
    request.set_patience_ms(2000);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::TopReply reply;
    if (stub_.Top(&context, request, &reply).ok()) watched_.top = std::move(reply);
    top_ = Clock::now();
  }

  v1::Control::Stub& stub_;
  std::string socket_path_;
  Watched watched_;
  std::optional<Clock::time_point> looked_;
  std::optional<Clock::time_point> top_;
};

/// The terminal as ncurses has it, until the end of its life.
class Terminal {
 public:
  Terminal() {
    initscr();
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    if (has_colors()) {
      start_color();
      use_default_colors();
      init_pair(kGood, COLOR_GREEN, -1);
      init_pair(kBad, COLOR_RED, -1);
    }
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() { endwin(); }

  static void show(const Watched& watched, bool utf8) {
    erase();
    const auto lines = watch_screen(watched, static_cast<std::size_t>(COLS), static_cast<std::size_t>(LINES), utf8);
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const chtype how = attributes(lines[i].emphasis);
      attron(how);
      mvaddstr(static_cast<int>(i), 0, lines[i].text.c_str());
      attroff(how);
    }
    refresh();
  }

  /// False: q. Returns after `limit`, or when the terminal has another size.
  static bool wait(std::chrono::milliseconds limit) {
    timeout(static_cast<int>(std::max<std::chrono::milliseconds::rep>(limit.count(), 0)));
    const int key = getch();
    return key != 'q' && key != 'Q';
  }

 private:
  static constexpr short kGood = 1;
  static constexpr short kBad = 2;

  static chtype attributes(Emphasis emphasis) {
    switch (emphasis) {
      case Emphasis::heading:
        return A_BOLD;
      case Emphasis::good:
        return static_cast<chtype>(COLOR_PAIR(kGood));
      case Emphasis::bad:
        return static_cast<chtype>(COLOR_PAIR(kBad)) | A_BOLD;
      case Emphasis::none:
        break;
    }
    return A_NORMAL;
  }
};

}  // namespace

WatchCommand::WatchCommand(CLI::App& app)
    : watch_(
          app.add_subcommand("watch", "Weir at work, in a full screen; a line per second where there is no terminal")) {
  watch_->add_option("-n", looks_, "End after so many looks, one per second [until q or Ctrl-C]")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000'000));
  watch_->fallthrough();
}

int WatchCommand::run(v1::Control::Stub& stub, const std::string& socket_path) const {
  return isatty(STDOUT_FILENO) != 0 && isatty(STDIN_FILENO) != 0 ? screen(stub, socket_path) : lines(stub, socket_path);
}

int WatchCommand::lines(v1::Control::Stub& stub, const std::string& socket_path) const {
  Looks looks(stub, socket_path);
  for (std::uint32_t look = 1;; ++look) {
    if (!looks.look(false)) return fail(looks.watched().trouble, 1);
    if (const int printed = print(watch_line(looks.watched()) + '\n'); printed != 0) return printed;
    if (is_last(look)) return 0;
    std::this_thread::sleep_for(kLookEvery);
  }
}

int WatchCommand::screen(v1::Control::Stub& stub, const std::string& socket_path) const {
  Looks looks(stub, socket_path);
  if (!looks.look(true)) return fail(looks.watched().trouble, 1);
  std::setlocale(LC_CTYPE, "");
  const bool utf8 = std::strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  const Terminal terminal;
  for (std::uint32_t look = 1;; ++look) {
    const auto next = Clock::now() + kLookEvery;
    // A new size wakes up, too, and is shown at once.
    for (auto left = next - Clock::now(); left.count() > 0; left = next - Clock::now()) {
      Terminal::show(looks.watched(), utf8);
      if (!Terminal::wait(std::chrono::ceil<std::chrono::milliseconds>(left))) return 0;
    }
    if (is_last(look)) return 0;
    looks.look(true);
  }
}

}  // namespace weir::ctl
