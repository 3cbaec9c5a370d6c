# Compiles every kernel for ARCH, every warning an error, writes what ptxas says of registers and memory to REPORT, and
# fails where a kernel spills or lacks an instruction that it is built around.
set(PTX_project "ld.global.nc.L1::no_allocate.L2::cache_hint.v4.u32" "ld.global.v4.u32"
                "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32")
if(ARCH STREQUAL "sm_90a")
  list(APPEND PTX_project "griddepcontrol.launch_dependents" "griddepcontrol.wait")
  set(PTX_final_norm "griddepcontrol.launch_dependents" "griddepcontrol.wait")
endif()
file(GLOB sources ${ROOT}/native/src/cuda/*.cu ${ROOT}/tests/simt/*.cu)
file(WRITE ${REPORT} "")
set(work ${REPORT}.files)
file(MAKE_DIRECTORY ${work})
set(failed "")
foreach(source ${sources})
  get_filename_component(name ${source} NAME_WE)
  if(source MATCHES "faults_test|reports_test")
    continue()  # wrong on purpose
  endif()
  execute_process(
    COMMAND ${NVCC} -std=c++17 -arch=${ARCH} -O3 -Werror all-warnings -Xptxas -v -cubin -DGENARM_ON_GPU --keep
            --keep-dir ${work} -I${ROOT}/native/src -I${ROOT}/native/include -I${ROOT}/tests/simt
            -o ${work}/${name}.cubin ${source}
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  file(APPEND ${REPORT} "${source}\n${output}\n")
  if(NOT status EQUAL 0)
    list(APPEND failed "${source}: ${output}")
  elseif(output MATCHES "[1-9][0-9]* bytes spill" AND NOT source MATCHES "_test")
    list(APPEND failed "${source} spills: ${output}")
  elseif(PTX_${name})
    file(READ ${work}/${name}.ptx ptx)
    foreach(instruction ${PTX_${name}})
      string(FIND "${ptx}" "${instruction}" found)
      if(found EQUAL -1)
        list(APPEND failed "${source} has no ${instruction}")
      endif()
    endforeach()
  endif()
endforeach()
file(REMOVE_RECURSE ${work})
if(failed)
  message(FATAL_ERROR "${failed}")
endif()
