# Builds with sanitizers, each in a folder of its own (docs/robustness.md). Included by the root before any target.
#   WEFT_SANITIZE=ON   address and undefined-behaviour sanitizers of the compiler that is in use; executables that
#                      `weft compile` writes are linked with them too
#   WEFT_FUZZ=ON       the same and libFuzzer's coverage, with clang; adds test/fuzz

set(WEFT_SANITIZER_LINK_FLAGS "")
if(NOT WEFT_SANITIZE AND NOT WEFT_FUZZ)
  return()
endif()

# vptr asks for the type descriptions of MLIR's and LLVM's classes, which not every build of them exports.
set(flags -O1 -g1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=vptr)
if(WEFT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "WEFT_FUZZ needs clang: `cmake --preset fuzz` names it, `tools/setup --fuzz` installs it")
  endif()
  list(APPEND flags -fsanitize=fuzzer-no-link -fno-sanitize=function -fno-sanitize-recover=all
       -fsanitize-ignorelist=${CMAKE_SOURCE_DIR}/test/fuzz/third-party.txt)
  # One thread, and GCC's OpenMP library, which oneDNN uses: clang then compiles the directives to nothing. The header
  # comes last, so that clang's own come before GCC's.
  execute_process(COMMAND g++ -print-file-name=include OUTPUT_VARIABLE gcc_include OUTPUT_STRIP_TRAILING_WHITESPACE)
  execute_process(COMMAND g++ -print-file-name=libgomp.so OUTPUT_VARIABLE gomp OUTPUT_STRIP_TRAILING_WHITESPACE)
  set(OpenMP_CXX_FLAGS -idirafter${gcc_include})
  set(OpenMP_CXX_LIB_NAMES gomp)
  set(OpenMP_gomp_LIBRARY ${gomp})
endif()
add_compile_options(${flags})
set(WEFT_SANITIZER_LINK_FLAGS -fsanitize=address,undefined)
add_link_options(${WEFT_SANITIZER_LINK_FLAGS})
