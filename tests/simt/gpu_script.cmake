# bench/gpu.sh without a GPU: the tools that it calls are small scripts, of which one fails, one does not end, and one
# leaves half a line. Whatever happens, what was measured until then must be one valid JSON.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK}/bin)
function(stub name text)
  file(WRITE ${WORK}/bin/${name} "#!/bin/bash\n${text}\n")
  file(CHMOD ${WORK}/bin/${name} PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
endfunction()
set(json [==[while [ "$1" != --json ]; do shift; done; json=$2]==])
stub(nvidia-smi [==[case $* in
  *name,driver*) echo "Stub GPU, 1.2" ;;
  *driver*) echo 1.2 ;;
  *name*) echo "Stub GPU" ;;
  *cap*) echo 9.0 ;;
esac]==])
stub(nvcc "echo 'Cuda compilation tools, release 13.0, V13.0'")
stub(cmake [==[case $* in
  *-DCMAKE_CUDA_ARCHITECTURES=90a-real*) ;;
  *--build*) cp "$(dirname "$0")"/gpu_* "$2" ;;
  *) exit 9 ;;
esac
while [ $# -gt 0 ]; do [ "$1" != -B ] || mkdir -p "$2"; shift; done]==])
stub(ctest "exit 0")
stub(compute-sanitizer "exit 1")
stub(python "case $1 in
  */gpu_kernels.py)
    [[ $* == *'--ceiling 3000.5'* ]] || exit 8
    result='{\"section\": \"cublas\", \"name\": \"attention of a prompt of 128\", \"us\": 2}' ;;
  *) result='{\"section\": \"peer\", \"kind\": \"compiled\", \"ms\": 9.5}' ;;
esac
${json}; echo \"$result\" >>\$json")
stub(gpu_device_bench "${json}
echo '{\"section\": \"device\", \"name\": \"read\", \"gb_per_s\": 3000.5, \"us\": 1}' >>\$json")
stub(gpu_kernel_bench "[[ $* == *'--ceiling 3000.5'* ]] || exit 8
${json}; printf '{\"section\": \"kernel\", \"us\": 1}\\n{\"section\": \"ker' >>\$json; sleep 600 & wait")
stub(gpu_step_bench "exit 3")

function(run_script expected)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env PATH=${WORK}/bin:$ENV{PATH} ${ROOT}/bench/gpu.sh --out ${WORK}/out ${ARGN}
                  RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output TIMEOUT 60)
  if(NOT status STREQUAL expected)
    message(FATAL_ERROR "gpu.sh ended with ${status}, expected ${expected}:\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()
# How a section ended, or what a result says, as "kind name ended".
function(read_results)
  file(READ ${WORK}/out/results.json text)
  string(JSON count LENGTH "${text}" results)
  set(found "")
  math(EXPR last "${count} - 1")
  foreach(i RANGE ${last})
    string(JSON section GET "${text}" results ${i} section)
    string(JSON name ERROR_VARIABLE none GET "${text}" results ${i} name)
    string(JSON ended ERROR_VARIABLE none GET "${text}" results ${i} ended)
    list(APPEND found "${section} ${name} ${ended}")
  endforeach()
  string(REGEX REPLACE "results-[0-9]+-[a-z]+-NOTFOUND" "NOTFOUND" found "${found}")
  set(found "${found}" PARENT_SCOPE)
endfunction()

run_script(0 --minutes 0.25 --python python)
read_results()
set(expected "script tests ok" "script memcheck failed with 1" "script racecheck failed with 1" "device read NOTFOUND"
    "script device ok" "kernel NOTFOUND NOTFOUND" "script kernels time limit"
    "cublas attention of a prompt of 128 NOTFOUND" "script cublas ok"
    "script steps failed with 3" "script command line left out, no --java" "peer NOTFOUND NOTFOUND" "script peers ok")
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "results:\n${found}\nexpected:\n${expected}\n${output}")
endif()
file(READ ${WORK}/out/table.txt table)
if(NOT table MATCHES "Stub GPU, driver 1.2\n.*\ndevice\nname +gb_per_s +us\nread +3000.5 +1\n")
  message(FATAL_ERROR "table:\n${table}")
endif()

# The next run of the same commit does what is left: what ended well is not run again, nor are the results of others lost.
stub(ctest "exit 7")
stub(compute-sanitizer "exit 0")
stub(gpu_device_bench "exit 7")
stub(gpu_kernel_bench "${json}; echo '{\"section\": \"kernel\", \"us\": 2}' >>\$json")
stub(gpu_step_bench "${json}; echo '{\"section\": \"step\", \"ms\": 3}' >>\$json; sleep 600 & wait")
run_script(0 --minutes 0.1 --python python --resume)
read_results()
set(expected "script tests ok" "device read NOTFOUND" "script device ok"
    "cublas attention of a prompt of 128 NOTFOUND" "script cublas ok"
    "peer NOTFOUND NOTFOUND" "script peers ok" "script memcheck ok" "script racecheck ok" "kernel NOTFOUND NOTFOUND"
    "script kernels ok" "step NOTFOUND NOTFOUND" "script steps time limit" "script command line left out, no --java")
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "resumed:\n${found}\nexpected:\n${expected}\n${output}")
endif()
stub(gpu_step_bench "${json}; echo '{\"section\": \"step\", \"ms\": 4}' >>\$json")
run_script(0 --python python --resume --only steps)
read_results()
list(FILTER found INCLUDE REGEX "step|kernel")
set(expected "kernel NOTFOUND NOTFOUND" "script kernels ok" "step NOTFOUND NOTFOUND" "step NOTFOUND NOTFOUND" "script steps ok")
if(NOT found STREQUAL expected)
  message(FATAL_ERROR "resumed with steps alone:\n${found}\n${output}")
endif()
run_script(2 --only step)

# The time is over before anything is measured.
run_script(0 --minutes 0)
read_results()
if(NOT "${found}" MATCHES "script tests no time.*script steps no time")
  message(FATAL_ERROR "results: ${found}")
endif()

# Stopped from outside in the middle.
stub(ctest "exit 0")
stub(gpu_device_bench "${json}; echo '{\"section\": \"device\", \"name\": \"read\"}' >>\$json")
stub(gpu_kernel_bench "${json}; echo '{\"section\": \"kernel\", \"us\": 1}' >>\$json; sleep 600 & wait")
execute_process(
  COMMAND bash -c "PATH=$0/bin:$PATH \"$1\"/bench/gpu.sh --out $0/out --minutes 10 --python python >$0/log & pid=$!
    until grep -q '\"section\": \"kernel\"' $0/out/lines.jsonl 2>/dev/null && ! grep -q steps $0/out/lines.jsonl; do
      sleep 0.1
    done
    kill $pid; wait $pid" ${WORK} ${ROOT}
  RESULT_VARIABLE status TIMEOUT 60)
read_results()
if(NOT status EQUAL 130 OR NOT "${found}" MATCHES "script device ok;kernel NOTFOUND NOTFOUND$")
  message(FATAL_ERROR "stopped: ${status}, results: ${found}")
endif()

# Without a GPU.
stub(nvidia-smi "exit 9")
run_script(4)
if(NOT output STREQUAL "gpu.sh: this machine has no NVIDIA GPU (nvidia-smi finds none)\n")
  message(FATAL_ERROR "${output}")
endif()
