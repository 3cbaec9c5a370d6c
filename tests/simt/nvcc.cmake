# Compiles every kernel for ARCH, every warning an error, writes what ptxas says of registers and memory to REPORT, and
# fails where a kernel spills.
file(GLOB sources ${ROOT}/native/src/cuda/*.cu ${ROOT}/tests/simt/*.cu)
file(WRITE ${REPORT} "")
set(failed "")
foreach(source ${sources})
  if(source MATCHES "faults_test|reports_test")
    continue()  # wrong on purpose
  endif()
  execute_process(
    COMMAND ${NVCC} -std=c++17 -arch=${ARCH} -O3 -Werror all-warnings -Xptxas -v -cubin -DGENARM_ON_GPU
            -I${ROOT}/native/src -I${ROOT}/native/include -I${ROOT}/tests/simt -o ${REPORT}.cubin ${source}
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  file(APPEND ${REPORT} "${source}\n${output}\n")
  if(NOT status EQUAL 0)
    list(APPEND failed "${source}: ${output}")
  elseif(output MATCHES "[1-9][0-9]* bytes spill" AND NOT source MATCHES "_test")
    list(APPEND failed "${source} spills: ${output}")
  endif()
endforeach()
file(REMOVE ${REPORT}.cubin)
if(failed)
  message(FATAL_ERROR "${failed}")
endif()
