// The system calls that weir makes once it has started, and a filter (seccomp(2)) that refuses all others.
//
// A refused call fails with EPERM, and the kernel's audit log names it: "type=1326 ... exe="/usr/bin/weir" ...
// syscall=59". The filter is there for weir taken over by what it reads: then it can neither run a program, nor mount,
// trace, load or change owners, nor make a namespace in which it would be root, nor type into the terminal of whoever
// started it.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace weir {

/// For all threads, and for good. Error: one line.
tl::expected<void, std::string> filter_system_calls();

}  // namespace weir
