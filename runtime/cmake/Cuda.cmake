# The CUDA runtime, libweft_cuda.a: built where the toolkit, cuDNN and the headers of its frontend are. Sets WEFT_CUDA, and
# WEFT_CUDA_LIBRARY_DIR, where the libraries lie that an executable links. docs/cuda.md says what is in it.
set(WEFT_CUDA OFF CACHE INTERNAL "whether libweft_cuda.a is built")
find_package(CUDAToolkit 13 QUIET)
if(NOT CUDAToolkit_FOUND)
  message(STATUS "CUDA runtime: not built, there is no CUDA 13 toolkit")
  return()
endif()
set(WEFT_CUDNN_FRONTEND ${CMAKE_CURRENT_LIST_DIR}/../../.cache/cudnn-frontend/include CACHE PATH
  "Headers of cuDNN's C++ frontend")
find_path(WEFT_CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(WEFT_CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
find_library(WEFT_CUBLASLT_LIBRARY cublasLt HINTS ${CUDAToolkit_LIBRARY_DIR})
find_library(WEFT_CUDART_LIBRARY cudart HINTS ${CUDAToolkit_LIBRARY_DIR})
if(NOT WEFT_CUDNN_INCLUDE OR NOT WEFT_CUDNN_LIBRARY OR NOT WEFT_CUBLASLT_LIBRARY OR NOT WEFT_CUDART_LIBRARY OR
   NOT EXISTS ${CUDAToolkit_NVCC_EXECUTABLE})
  message(STATUS "CUDA runtime: not built, cuDNN, cuBLASLt or nvcc is missing")
  return()
endif()
if(NOT EXISTS ${WEFT_CUDNN_FRONTEND}/cudnn_frontend.h)
  message(WARNING "CUDA runtime: not built, cuDNN's frontend is missing; run tools/setup")
  return()
endif()
get_filename_component(library_dir ${WEFT_CUDART_LIBRARY} DIRECTORY)
# For the tests too, which are beside this folder.
set(WEFT_CUDA ON CACHE INTERNAL "whether libweft_cuda.a is built")
set(WEFT_CUDA_LIBRARY_DIR ${library_dir} CACHE INTERNAL "where CUDA's libraries lie")
set(WEFT_CUDA_INCLUDE ${CUDAToolkit_INCLUDE_DIRS} ${WEFT_CUDNN_INCLUDE} CACHE INTERNAL "headers of CUDA and cuDNN")
set(WEFT_NVCC ${CUDAToolkit_NVCC_EXECUTABLE} CACHE INTERNAL "CUDA's compiler")
message(STATUS "CUDA runtime: ${CUDAToolkit_VERSION}, libraries in ${WEFT_CUDA_LIBRARY_DIR}")

# CUDA's compiler takes only versions of clang that it knows; where clang compiles the rest, the build with sanitizers, its
# host compiler is GCC.
set(host_compiler ${CMAKE_CXX_COMPILER})
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  set(host_compiler g++)
endif()
set(WEFT_NVCC_HOST ${host_compiler} CACHE INTERNAL "CUDA's host compiler")
# The files with kernels. Code for the architectures at hand; the PTX is for later ones.
set(device_dir ${CMAKE_CURRENT_LIST_DIR}/../device)
set(kernels)
function(weft_cuda_kernels name)
  set(object ${CMAKE_CURRENT_BINARY_DIR}/weft_cuda_${name}.o)
  add_custom_command(OUTPUT ${object}
    COMMAND ${WEFT_NVCC} -std=c++17 -O3 -Xcompiler=-fPIC -ccbin ${WEFT_NVCC_HOST} ${ARGN}
      -I${device_dir}/.. -I${device_dir}/../include
      -gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90 -gencode arch=compute_90,code=compute_90
      -MD -MF ${object}.d -c ${device_dir}/${name}.cu -o ${object}
    DEPENDS ${device_dir}/${name}.cu
    DEPFILE ${object}.d
    COMMENT "Building the runtime's ${name}.cu"
    VERBATIM)
  set(kernels ${kernels} ${object} PARENT_SCOPE)
endfunction()
weft_cuda_kernels(Kernels)
weft_cuda_kernels(CopyKernels)
# Random numbers have a processor's bits.
weft_cuda_kernels(InitialValues --fmad=false)

add_library(weft_cuda STATIC ${kernels}
  ${WEFT_DEVICE_PLAN_SOURCES}
  device/CopyCollectives.cpp
  device/CudaContext.cpp
  device/CudaDevice.cpp
  device/CudaLibrary.cpp
  device/CudaRanks.cpp
  device/CudaQueues.cpp
  device/CudnnAttention.cpp
  device/CudnnConvolution.cpp
  device/DevicePeak.cpp
  device/LtMatmul.cpp
  device/LtTuning.cpp)
weft_runtime_options(weft_cuda)
target_include_directories(weft_cuda SYSTEM PRIVATE ${WEFT_CUDNN_FRONTEND} PUBLIC ${WEFT_CUDA_INCLUDE})
# The frontend is large: less optimisation there, where nothing is computed.
set_source_files_properties(device/CudnnAttention.cpp PROPERTIES COMPILE_DEFINITIONS CUDNN_FRONTEND_SKIP_JSON_LIB
  COMPILE_OPTIONS "-O1;-w")
target_link_libraries(weft_cuda PUBLIC ${WEFT_CUDNN_LIBRARY} ${WEFT_CUBLASLT_LIBRARY} ${WEFT_CUDART_LIBRARY}
  PRIVATE nlohmann_json::nlohmann_json)
set_target_properties(weft_cuda PROPERTIES ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# What only executables for several ranks link, beside weft_cuda: collectives by NCCL.
find_path(WEFT_NCCL_INCLUDE nccl.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(WEFT_NCCL_LIBRARY nccl HINTS ${CUDAToolkit_LIBRARY_DIR})
if(NOT WEFT_NCCL_INCLUDE OR NOT WEFT_NCCL_LIBRARY)
  message(STATUS "CUDA runtime: one GPU only, NCCL is missing")
  return()
endif()
add_library(weft_nccl STATIC device/NcclCollectives.cpp)
weft_runtime_options(weft_nccl)
target_include_directories(weft_nccl SYSTEM PRIVATE ${WEFT_NCCL_INCLUDE})
target_link_libraries(weft_nccl PUBLIC weft_cuda ${WEFT_NCCL_LIBRARY})
set_target_properties(weft_nccl PROPERTIES ARCHIVE_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
