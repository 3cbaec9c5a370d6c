# The CUDA kernels as host C++ under the SIMT executor.
#
# simt_library(NAME PLAIN|ASAN|TSAN): a static library NAME of the executor, and an interface library NAME_kernels of
# the flags with which kernels and their tests are compiled in that build. Call it in the directory of the tests: .cu
# files are C++ there.
set(GENARM_SIMT_DIR ${CMAKE_CURRENT_LIST_DIR})
get_filename_component(GENARM_SIMT_SOURCE_DIR ${CMAKE_CURRENT_LIST_DIR}/.. ABSOLUTE)

# What each build adds to the compiler's command line; mutants.cmake uses it, too.
set(GENARM_SIMT_FLAGS_PLAIN -O2)
set(GENARM_SIMT_FLAGS_ASAN -O1 -g -fsanitize=address,undefined,float-cast-overflow -fno-sanitize-recover=all
                           -fno-omit-frame-pointer)
set(GENARM_SIMT_FLAGS_TSAN -O1 -g -fsanitize=thread)
# Kernels pun types freely.
set(GENARM_SIMT_FLAGS -std=c++17 -fno-strict-aliasing -Wno-unknown-pragmas)

function(simt_library name build)
  # Never instrumented: these functions leave one stack and wake on another. The builds' own flags come last.
  add_library(${name}_engine OBJECT
    ${GENARM_SIMT_DIR}/async.cpp ${GENARM_SIMT_DIR}/collective.cpp ${GENARM_SIMT_DIR}/fiber.cpp
    ${GENARM_SIMT_DIR}/run.cpp ${GENARM_SIMT_DIR}/schedule.cpp ${GENARM_SIMT_DIR}/shared.cpp
    ${GENARM_SIMT_DIR}/stream.cpp)
  target_compile_features(${name}_engine PRIVATE cxx_std_17)
  target_include_directories(${name}_engine PRIVATE ${GENARM_SIMT_SOURCE_DIR})
  target_compile_options(${name}_engine PRIVATE -O2 -g -fno-sanitize=all)
  if(NOT build STREQUAL PLAIN)
    target_compile_definitions(${name}_engine PRIVATE SIMT_${build})
  endif()

  add_library(${name}_kernels INTERFACE)
  target_compile_features(${name}_kernels INTERFACE cxx_std_17)
  target_include_directories(${name}_kernels INTERFACE ${GENARM_SIMT_SOURCE_DIR} ${GENARM_SIMT_SOURCE_DIR}/../include)
  target_compile_options(${name}_kernels INTERFACE ${GENARM_SIMT_FLAGS_${build}} ${GENARM_SIMT_FLAGS})
  target_link_options(${name}_kernels INTERFACE ${GENARM_SIMT_FLAGS_${build}})

  add_library(${name} STATIC ${GENARM_SIMT_DIR}/runtime.cpp $<TARGET_OBJECTS:${name}_engine>)
  target_link_libraries(${name} PUBLIC ${name}_kernels)
endfunction()
