# The build with sanitizers, in a folder of its own (docs/robustness.md). Included by the root before any target.
#   WEFT_SANITIZE=ON   clang's address and undefined-behaviour sanitizers and libFuzzer's coverage in everything, also in
#                      what executables link; adds test/fuzz

set(WEFT_SANITIZER_LINK_FLAGS "")
if(NOT WEFT_SANITIZE)
  return()
endif()
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  message(FATAL_ERROR "WEFT_SANITIZE needs clang: `cmake --preset sanitize` names it, `tools/setup --fuzz` installs it")
endif()

# Of the coverage that libFuzzer can use, counters of edges alone in the compiler: a call at every comparison (trace-cmp)
# finds byte patterns, which changes of a parsed model do not need. Readers of bytes, the runtime's, have it.
# vptr and function ask for the type descriptions of MLIR's and LLVM's code, which not every build of them has.
set(flags -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=vptr
    -fsanitize-coverage=inline-8bit-counters,pc-table -fno-sanitize=function -fno-sanitize-recover=all
    -fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/test/fuzz/third-party.txt)
add_compile_options(${flags})
set(WEFT_SANITIZER_LINK_FLAGS -fsanitize=address,undefined)
add_link_options(${WEFT_SANITIZER_LINK_FLAGS})

# oneDNN needs GCC's OpenMP library, for which clang makes no parallel code: it compiles the directives to nothing. The
# runtime with all its threads is tested in a build of its own, with GCC (tools/check). GCC's headers come last, so that
# clang's own come before them.
execute_process(COMMAND g++ -print-file-name=include OUTPUT_VARIABLE gcc_include OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND g++ -print-file-name=libgomp.so OUTPUT_VARIABLE gomp OUTPUT_STRIP_TRAILING_WHITESPACE)
set(OpenMP_CXX_FLAGS -idirafter${gcc_include})
set(OpenMP_CXX_LIB_NAMES gomp)
set(OpenMP_gomp_LIBRARY ${gomp})
