// Ends a program with one line where the CPU lacks what weir was compiled to use; without it the kernel would end it
// with "Illegal instruction", at an address that says nothing.
//
// This runs before everything else in the program, constructors of static objects and of libraries included
// (.preinit_array), and is compiled for every x86-64 CPU. So it calls only what is in this file and its header, and the
// C library, which chooses by CPU itself.
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include "proto/cpu/cpu_features.h"

namespace weir {
namespace {

/// A line of bounded length; what does not fit is left out.
class Line {
 public:
  void add(const char* text) {
    for (; *text != '\0' && size_ < sizeof(text_); ++text) text_[size_++] = *text;
  }
  void write() const {
    std::size_t done = 0;
    while (done < size_) {
      const ssize_t put = ::write(STDERR_FILENO, text_ + done, size_ - done);
      if (put <= 0) return;
      done += static_cast<std::size_t>(put);
    }
  }

 private:
  char text_[1024];
  std::size_t size_ = 0;
};

const char* file_name(const char* path) {
  const char* name = path;
  for (const char* at = path; *at != '\0'; ++at) {
    if (*at == '/') name = at + 1;
  }
  return name;
}

void check_cpu(int argc, char** argv, char** /*environment*/) {
  const std::uint64_t missing = needed_cpu_features & ~cpu_features(this_cpu());
  if (missing == 0) return;
  Line line;
  line.add(argc > 0 && argv[0] != nullptr ? file_name(argv[0]) : "weir");
  line.add(": this CPU has no ");
  bool first = true;
  for (unsigned i = 0; i < kCpuFeatureCount; ++i) {
    if ((missing >> i & 1U) == 0) continue;
    if (!first) line.add(", ");
    first = false;
    line.add(kCpuFeatures[i].name);
  }
  line.add(", and this program was built for ");
  line.add(built_for_cpu);
  line.add(
      "; in a virtual machine choose the host's CPU model, else build weir here: cmake --preset release "
      "-DWEIR_MARCH=native && cmake --build build/release\n");
  line.write();
  _exit(1);
}

__attribute__((section(".preinit_array"), used)) void (*const before_all_else)(int, char**, char**) = &check_cpu;

}  // namespace
}  // namespace weir
