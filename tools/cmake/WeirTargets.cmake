# Build rules that every target of weir shares.
#
# weir_flags(TARGET)            language flags, warnings as errors, -march, sanitizers
# weir_test_flags(TARGET)       the same for a test program
# weir_library(NAME FOLDER...)  a static library of all .cc files of the folders, whose headers are each compiled alone
#                               (target all_verify_interface_header_sets, built by tools/test)

set(CMAKE_VERIFY_INTERFACE_HEADER_SETS_DEFAULT ON)

find_package(Threads REQUIRED)

function(weir_flags target)
  target_compile_options(${target} PRIVATE
    -march=${WEIR_MARCH} -mno-movbe -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
    -Wnon-virtual-dtor -Werror -fno-omit-frame-pointer)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # GCC 12 sees overlapping copies inside std::string::insert that are not there (GCC bug 105651).
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(WEIR_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${WEIR_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(${target} PUBLIC -fsanitize=${WEIR_SANITIZE})
  endif()
  if(WEIR_FUZZ)
    # Coverage for the fuzzers; the fuzz targets themselves add libFuzzer's main.
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    target_link_options(${target} PUBLIC -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# A test's own code is compiled quickly, not for speed: what it tests is compiled as it is delivered. Saves half of the
# time that the tests take to build.
function(weir_test_flags target)
  weir_flags(${target})
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O0>)
  if(WEIR_SANITIZE AND NOT WEIR_FUZZ)
    # A test is compiled for longer than it runs, a third of that time by the optimizer that cleans up behind the
    # sanitizer. The libraries under test are optimized.
    target_compile_options(${target} PRIVATE -O0)
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # so that ccache sees through a precompiled header
  endif()
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
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers})
  set_target_properties(${name} PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON LINKER_LANGUAGE CXX)
  target_include_directories(${name} PUBLIC ${PROJECT_SOURCE_DIR})
  weir_flags(${name})
endfunction()
