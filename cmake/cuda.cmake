# Which cards the CUDA kernels are compiled for. Each architecture costs half a minute of one processor.
set(SD_CUDA_CARDS this CACHE STRING "Cards the CUDA kernels are compiled for: this (of this machine) or all (since Ampere)")
set_property(CACHE SD_CUDA_CARDS PROPERTY STRINGS this all)

# sd_cards_here(<variable>): the architectures of this machine's cards by nvidia-smi, or nothing if one of them is not
# known here.
function(sd_cards_here result)
  set(known 80 86 87 88 89 90 100 103 110 120 121)
  set(found "")
  execute_process(COMMAND nvidia-smi --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE capabilities OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed STREQUAL "0")
    string(REGEX MATCHALL "[0-9]+\\.[0-9]+" capabilities "${capabilities}")
    foreach(capability IN LISTS capabilities)
      string(REPLACE "." "" architecture ${capability})
      if(NOT architecture IN_LIST known)
        set(found "")
        break()
      endif()
      list(APPEND found ${architecture}-real)
    endforeach()
  endif()
  list(REMOVE_DUPLICATES found)
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# Ampere, Ada, Hopper and Blackwell, and PTX for what comes after. Where no card answers, PTX alone: the driver of any card
# since Ampere compiles it at the first start and keeps the result.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(architectures 80-real 86-real 89-real 90-real 100-real 120-real 120-virtual)
  if(SD_CUDA_CARDS STREQUAL "this")
    sd_cards_here(architectures)
    if(NOT architectures)
      set(architectures 80-virtual)
    endif()
  elseif(NOT SD_CUDA_CARDS STREQUAL "all")
    message(FATAL_ERROR "SD_CUDA_CARDS is \"${SD_CUDA_CARDS}\", expected this or all")
  endif()
  set(CMAKE_CUDA_ARCHITECTURES ${architectures})
  message(STATUS "CUDA kernels for ${architectures} (SD_CUDA_CARDS=${SD_CUDA_CARDS})")
endif()
