# Build rules that every target of weir shares.
#
# weir_flags(TARGET)            language flags, warnings as errors, -march, sanitizers
# weir_test_flags(TARGET)       the same for a test program
# weir_headers(TARGET FILE...)  public headers, each of which must compile alone
# weir_library(NAME FOLDER...)  a static library of all .cc files of the folders, with all their headers
# weir_runs_rarely(FILE...)      sources that are compiled quickly, not for speed
# weir_compile_together(TARGET [ALONE FILE...])  several sources in one compilation, where that changes nothing that is delivered
# weir_precompile(TARGET H...)  a precompiled header, where that saves time
# weir_reuse_precompiled(TARGET FROM)  the same one again
# weir_std_headers               what nearly every file includes, for precompiled headers

set(CMAKE_VERIFY_INTERFACE_HEADER_SETS_DEFAULT ON)

find_package(Threads REQUIRED)

function(weir_flags target)
  cmake_parse_arguments(PARSE_ARGV 1 given "TEST" "" "")
  target_compile_options(${target} PRIVATE
    -march=${WEIR_MARCH} -mno-movbe -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    -Wnon-virtual-dtor -Werror -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 sees overlapping copies inside std::string::insert that are not there (GCC bug 105651), and copies without end
    # inside std::string::replace; the latter only where the header is precompiled.
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
  endif()
  if(WEIR_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${WEIR_SANITIZE})
  endif()
  if(WEIR_FUZZ)
    # Coverage for the fuzzers; the fuzz targets themselves add libFuzzer's main. A fuzzer is not to look for ways through
    # the code of tests.
    if(NOT given_TEST)
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    target_link_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# A test's own code is compiled quickly, not for speed: what it tests is compiled as it is delivered. Saves half of the
# time that the tests take to build.
function(weir_test_flags target)
  weir_flags(${target} TEST)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
  if(WEIR_SANITIZE)
    # A test is compiled for longer than it runs, a third of that time by the optimizer that cleans up behind the
    # sanitizer. The libraries under test are optimized.
    target_compile_options(${target} PRIVATE -O0)
  endif()
endfunction()

# What runs once, or once in a while, for people: options, configuration, status. The optimizer takes half of the time
# that such a file takes to compile, for nothing that anybody would notice.
function(weir_runs_rarely)
  set_source_files_properties(${ARGN} PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Release>:-O1>)
endfunction()

# Eight sources at a time are one compilation, so that the templates they share are instantiated once: a third to a half
# of the time of tests and of sanitizer trees. What is delivered is compiled file by file, and so each of its files shows
# there that it includes what it uses. Names in anonymous namespaces must differ among these sources, which is why each
# test has a namespace of its own; sources whose names do not are given after ALONE.
function(weir_compile_together target)
  cmake_parse_arguments(PARSE_ARGV 1 given "" "" "ALONE")
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  set_source_files_properties(${given_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

# A precompiled header is found again by what is in it: that is what ccache needs.
function(weir_precompiled_for_ccache target)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  else()
    target_compile_options(${target} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  endif()
endfunction()

# Half of the time that a file of weir's takes to compile goes into these.
set(weir_std_headers
    <algorithm> <array> <atomic> <bit> <charconv> <chrono> <cstdint> <cstring> <deque> <functional> <map> <memory> <mutex>
    <optional> <set> <span> <string> <string_view> <system_error> <tuple> <type_traits> <unordered_map> <utility> <vector>
    <immintrin.h> <tl/expected.hpp>)

function(weir_precompile target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  weir_precompiled_for_ccache(${target})
endfunction()

function(weir_reuse_precompiled target from)
  target_precompile_headers(${target} REUSE_FROM ${from})
  weir_precompiled_for_ccache(${target})
endfunction()

# Every header must compile alone. For a header that is the first include of the .cc file of its name that file proves it
# each time it is compiled; the other ones get a compilation of their own (target all_verify_interface_header_sets, which
# tools/test builds). The precompiled header that such a .cc file sees first holds other libraries only, and
# tools/check-includes finds what of those a header uses without an include. A target whose precompiled header holds weir's
# own headers is named with PRECOMPILED: its files prove nothing.
function(weir_headers target)
  cmake_parse_arguments(PARSE_ARGV 1 given PRECOMPILED "" "")
  set(alone)
  set(proven)
  foreach(header IN LISTS given_UNPARSED_ARGUMENTS)
    get_filename_component(header ${header} ABSOLUTE)
    string(REGEX REPLACE "\\.h$" ".cc" source ${header})
    file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR} ${header})
    set(first)
    if(EXISTS ${source} AND NOT given_PRECOMPILED)
      file(STRINGS ${source} first REGEX "^#include" LIMIT_COUNT 1)
    endif()
    if(first STREQUAL "#include \"${name}\"")
      list(APPEND proven ${header})
    else()
      list(APPEND alone ${header})
    endif()
  endforeach()
  target_sources(${target} PUBLIC FILE_SET alone TYPE HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${alone}
                                  FILE_SET proven TYPE HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${proven})
  set_target_properties(${target} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON INTERFACE_HEADER_SETS_TO_VERIFY alone
                                             LINKER_LANGUAGE CXX)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR})
endfunction()

function(weir_library name)
  set(sources)
  set(headers)
  foreach(folder IN LISTS ARGN)
    file(GLOB found CONFIGURE_DEPENDS ${folder}/*.cc)
    list(APPEND sources ${found})
    file(GLOB found CONFIGURE_DEPENDS ${folder}/*.h)
    list(APPEND headers ${found})
  endforeach()
  add_library(${name} STATIC ${sources})
  weir_headers(${name} ${headers})
  weir_flags(${name})
endfunction()
