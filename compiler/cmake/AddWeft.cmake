# Helpers that give every part of Weft the same flags: one precompiled header for code that uses MLIR, no exceptions
# and the shared MLIR and LLVM libraries only.

set(WEFT_PCH_SOURCE ${CMAKE_SOURCE_DIR}/compiler/cmake/Pch.cpp)

# The one precompiled header of all MLIR-using code.
function(weft_define_pch)
  add_library(WeftPch OBJECT ${WEFT_PCH_SOURCE})
  target_compile_options(WeftPch PRIVATE -fno-exceptions)
  target_precompile_headers(WeftPch PRIVATE ${CMAKE_SOURCE_DIR}/compiler/cmake/Pch.h)
endfunction()

# add_weft_library(Name files... [DEPENDS targets...] [LINK libs...]): a static library that uses MLIR.
function(add_weft_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE -fno-exceptions)
  target_precompile_headers(${name} REUSE_FROM WeftPch)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  target_link_libraries(${name} PUBLIC ${ARG_LINK} MLIR LLVM)
endfunction()

# add_weft_tool(name files... [LINK libs...]): a program in build/bin that uses MLIR.
function(add_weft_tool name)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_compile_options(${name} PRIVATE -fno-exceptions)
  target_precompile_headers(${name} REUSE_FROM WeftPch)
  target_link_libraries(${name} PRIVATE ${ARG_LINK} MLIR LLVM)
endfunction()

# add_weft_unittest(Name files... LIBS libs... [MLIR]): a GoogleTest program, registered with ctest.
# With MLIR the precompiled header and the MLIR libraries are used.
function(add_weft_unittest name)
  cmake_parse_arguments(ARG "MLIR" "" "LIBS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/test/unit)
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gtest_main)
  if(ARG_MLIR)
    target_compile_options(${name} PRIVATE -fno-exceptions)
    target_precompile_headers(${name} REUSE_FROM WeftPch)
    target_link_libraries(${name} PRIVATE MLIR LLVM)
  endif()
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
  add_dependencies(weft-unittests ${name})
endfunction()

# weft_tablegen(td target -gen-x out ...): several outputs of one file.
function(weft_tablegen td target)
  set(LLVM_TARGET_DEFINITIONS ${td})
  set(outs "")
  set(args ${ARGN})
  while(args)
    list(POP_FRONT args out gen)
    string(REPLACE "|" ";" flags "${gen}")
    mlir_tablegen(${out} ${flags} -I ${CMAKE_SOURCE_DIR})
  endwhile()
  add_public_tablegen_target(${target})
endfunction()

# add_weft_passes(Name [DEPENDS ...] [LINK ...]): the folder's Passes.td and all its .cpp files. Passes.h.inc is
# generated in the matching folder of the build tree; the group of the registration function is Name.
function(add_weft_passes name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK" ${ARGN})
  weft_tablegen(Passes.td ${name}IncGen Passes.h.inc "-gen-pass-decls|-name=${name}")
  file(GLOB sources CONFIGURE_DEPENDS *.cpp)
  add_weft_library(${name} ${sources} DEPENDS ${name}IncGen WeftInterfacesIncGen WeftOpsIncGen ${ARG_DEPENDS} LINK WeftDialect ${ARG_LINK})
endfunction()
