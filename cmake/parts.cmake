# The parts that need what is not installed everywhere, and whether they are built.

# sd_part(<NAME> <what it is> <found> <what it needs>): the cache says AUTO, ON or OFF. AUTO looks at each configuration
# whether all is there; ON is an error where it is not. Sets the variable of that name to ON or OFF, here and in all folders.
function(sd_part name what found needs)
  set(${name} AUTO CACHE STRING "Build ${what}: AUTO (where ${needs} is found), ON or OFF")
  set_property(CACHE ${name} PROPERTY STRINGS AUTO ON OFF)
  string(TOUPPER "$CACHE{${name}}" wish)
  if(wish STREQUAL "AUTO")
    if(NOT found)
      message(STATUS "${name}=AUTO: built without ${what}; it needs ${needs}")
    endif()
    set(wish ${found})
  elseif(NOT wish MATCHES "^(ON|OFF|YES|NO|TRUE|FALSE|1|0)$")
    message(FATAL_ERROR "${name} is \"$CACHE{${name}}\", expected AUTO, ON or OFF")
  elseif(wish AND NOT found)
    message(FATAL_ERROR "${name} is $CACHE{${name}}, but ${needs} is not found: install it, or give -D${name}=AUTO to build without ${what}")
  endif()
  if(wish)
    set(${name} ON PARENT_SCOPE)
  else()
    set(${name} OFF PARENT_SCOPE)
  endif()
endfunction()

if(NOT DEFINED CACHE{SD_BACKEND_CUDA} OR NOT "$CACHE{SD_BACKEND_CUDA}" STREQUAL "OFF")
  if(NOT CMAKE_CUDA_COMPILER)
    unset(CMAKE_CUDA_COMPILER CACHE) # else CMake does not look again
  endif()
  include(CheckLanguage)
  check_language(CUDA)
  find_package(CUDAToolkit 13 QUIET)
  find_path(CUDNN_INCLUDE_DIR cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
endif()
set(cuda_found OFF)
if(CMAKE_CUDA_COMPILER AND CUDAToolkit_FOUND AND CUDNN_INCLUDE_DIR)
  set(cuda_found ON)
endif()
sd_part(SD_BACKEND_CUDA "the backend for NVIDIA cards" ${cuda_found} "nvcc of CUDA 13 with cudnn.h")

find_package(PkgConfig REQUIRED)
# sd_part_of_packages(<NAME> <what it is> <prefix> <Debian packages> <modules of pkg-config>...)
macro(sd_part_of_packages name what prefix packages)
  unset(${prefix}_FOUND CACHE) # else what was found once counts as found for ever
  pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${ARGN})
  if(${prefix}_FOUND)
    sd_part(${name} "${what}" ON "${packages}")
  else()
    sd_part(${name} "${what}" OFF "${packages}")
  endif()
endmacro()

sd_part_of_packages(SD_OSC "control by OSC (--osc)" LIBLO "liblo-dev" liblo)
# GLib speaks D-Bus to the desktop, which shares its screen by PipeWire.
sd_part_of_packages(SD_PIPEWIRE "cameras for other programs and screens of Wayland, by PipeWire" PIPEWIRE
  "libpipewire-0.3-dev with libglib2.0-dev" libpipewire-0.3 gio-unix-2.0)
if(PROJECT_IS_TOP_LEVEL AND NOT SD_PYTHON)
  sd_part_of_packages(SD_GSTREAMER "the element of GStreamer" GSTREAMER "libgstreamer-plugins-base1.0-dev 1.22"
    gstreamer-1.0>=1.22 gstreamer-video-1.0>=1.22)
  sd_part_of_packages(SD_WEBRTC "WebRTC" GSTREAMER_WEBRTC "libgstreamer-plugins-bad1.0-dev 1.22"
    gstreamer-webrtc-1.0>=1.22 gstreamer-app-1.0 gstreamer-video-1.0 gstreamer-sdp-1.0)
endif()
