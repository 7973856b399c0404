# One way to add a layer of the library, and one way to add a test of it.

add_library(sd_options INTERFACE)
# g++ 12 warns falsely about std::string: the last three
target_compile_options(sd_options INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall;-Wextra;-Wshadow;-Wno-missing-field-initializers;-Wno-restrict;-Wno-stringop-overflow;-Wno-array-bounds>
  $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings;--compress-mode=size>)
if(SD_SANITIZE)
  target_compile_options(sd_options INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${SD_SANITIZE};-fno-omit-frame-pointer;-fno-sanitize-recover=all>
    $<$<BOOL:$<TARGET_PROPERTY:SD_WITHOUT_UBSAN>>:-fno-sanitize=undefined>)
  target_link_options(sd_options INTERFACE -fsanitize=${SD_SANITIZE})
endif()

# The headers of the standard library that most files include, compiled once. Every file still names what it needs:
# builds with SD_PRECOMPILED_HEADERS=OFF and without joined sources (the preset tsan) prove it.
set(SD_STANDARD_HEADERS
  <algorithm> <array> <chrono> <cmath> <condition_variable> <cstddef> <cstdint> <filesystem> <functional> <map> <memory>
  <mutex> <optional> <span> <string> <string_view> <thread> <utility> <variant> <vector>)
if(SD_PRECOMPILED_HEADERS)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/standard_headers.cpp CONTENT "" @ONLY)
  add_library(sd_standard_headers OBJECT ${PROJECT_BINARY_DIR}/generated/standard_headers.cpp)
  target_link_libraries(sd_standard_headers PRIVATE sd_options)
  target_precompile_headers(sd_standard_headers PRIVATE ${SD_STANDARD_HEADERS})
endif()

# sd_join_sources(<target> [<files>]): CMake's unity build, so that a build from nothing reads headers and instantiates
# templates once for a library, or for so many files of a test. Builds without it (the presets debug and tsan) prove that
# every file stands alone.
function(sd_join_sources target)
  set(files 0) # all
  if(ARGC GREATER 1)
    set(files ${ARGV1})
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${SD_JOINED_SOURCES} UNITY_BUILD_BATCH_SIZE ${files})
  if(SD_JOINED_SOURCES AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # It takes joined sources for headers, and collects the garbage of its own memory for a tenth of the time. Without that
    # the largest library takes 1.5 GB instead of 1.3.
    target_compile_options(${target} PRIVATE
      $<$<COMPILE_LANGUAGE:CXX>:-Wno-subobject-linkage>
      $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CONFIG:Release>>:--param=ggc-min-heapsize=2097152>)
  endif()
endfunction()

# sd_precompile(<target> [<header>... | FROM <target>]): the standard headers, or with headers of its own those too, or
# what another target has precompiled. Joined sources read headers of their own once anyway.
function(sd_precompile target)
  cmake_parse_arguments(ARG "" "FROM" "" ${ARGN})
  if(NOT SD_PRECOMPILED_HEADERS)
    return()
  elseif(SD_JOINED_SOURCES OR NOT ARGN)
    target_precompile_headers(${target} REUSE_FROM sd_standard_headers)
  elseif(ARG_FROM)
    target_precompile_headers(${target} REUSE_FROM ${ARG_FROM})
  else()
    target_precompile_headers(${target} PRIVATE ${SD_STANDARD_HEADERS} ${ARGN})
  endif()
endfunction()

# sd_compile_fast(<target>): for code that spends its time waiting for a socket or runs once, and for tests. Of templates as
# large as Boost.Beast's half the compile time goes into optimizing them, of other code a tenth to a third. Under the
# address sanitizer the largest library takes a quarter without optimizing and without UBSan, which the fuzz preset has.
function(sd_compile_fast target)
  if(SD_SANITIZE STREQUAL "address,undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -O0)
    get_target_property(headers ${target} PRECOMPILE_HEADERS_REUSE_FROM)
    if(headers STREQUAL sd_standard_headers)
      set(other_options ON)
    endif()
    set_target_properties(${target} PROPERTIES SD_WITHOUT_UBSAN ON DISABLE_PRECOMPILE_HEADERS "${other_options}")
  elseif(CMAKE_BUILD_TYPE STREQUAL Release)
    target_compile_options(${target} PRIVATE -O1)
  endif()
endfunction()

# sd_library(<folder> SOURCES ... [DEPS <folder>...] [LINK <library>...] [PRECOMPILE <header>... | FROM <target>])
# adds sd_<folder>, which may include only the headers of the layers in DEPS and theirs (scripts/check_tree.py checks it).
function(sd_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LINK;PRECOMPILE" ${ARGN})
  add_library(sd_${name} STATIC ${ARG_SOURCES})
  set_property(GLOBAL PROPERTY SD_DEPS_${name} ${ARG_DEPS})
  set_property(GLOBAL PROPERTY SD_LINK_${name} ${ARG_LINK})
  target_include_directories(sd_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  list(TRANSFORM ARG_DEPS PREPEND sd_)
  target_link_libraries(sd_${name} PUBLIC ${ARG_DEPS} PRIVATE sd_options ${ARG_LINK})
  sd_precompile(sd_${name} ${ARG_PRECOMPILE})
  sd_join_sources(sd_${name})
endfunction()

# sd_layers_of(<folder> <variable>): the folder and all layers it stands on.
function(sd_layers_of name result)
  set(found ${name})
  set(open ${name})
  while(open)
    list(POP_FRONT open layer)
    get_property(deps GLOBAL PROPERTY SD_DEPS_${layer})
    foreach(dep IN LISTS deps)
      if(NOT dep IN_LIST found)
        list(APPEND found ${dep})
        list(APPEND open ${dep})
      endif()
    endforeach()
  endwhile()
  set(${result} ${found} PARENT_SCOPE)
endfunction()

# sd_parts_of(<folder> <objects> <links>): the objects of the folder and of all layers it stands on, and what they link.
function(sd_parts_of name objects links)
  sd_layers_of(${name} layers)
  set(found_objects "")
  set(found_links "")
  foreach(layer IN LISTS layers)
    list(APPEND found_objects $<TARGET_OBJECTS:sd_${layer}>)
    get_property(layer_links GLOBAL PROPERTY SD_LINK_${layer})
    list(APPEND found_links ${layer_links})
  endforeach()
  list(REMOVE_DUPLICATES found_links)
  set(${objects} ${found_objects} PARENT_SCOPE)
  set(${links} ${found_links} PARENT_SCOPE)
endfunction()

# The test framework's headers, compiled once for all tests. A program of its own, as programs and libraries are compiled
# with different flags (-fPIE and -fPIC).
if(SD_PRECOMPILED_HEADERS AND SD_BUILD_TESTS)
  find_package(GTest REQUIRED)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/test_headers.cpp CONTENT "int main() {}\n" @ONLY)
  add_executable(sd_test_headers ${PROJECT_BINARY_DIR}/generated/test_headers.cpp)
  sd_compile_fast(sd_test_headers)
  target_link_libraries(sd_test_headers PRIVATE sd_options GTest::gmock GTest::gtest)
  target_precompile_headers(sd_test_headers PRIVATE ${SD_STANDARD_HEADERS} <gmock/gmock.h> <gtest/gtest.h>)
endif()

# sd_limit(<test> [<seconds>]): a test that hangs fails after two minutes. CTest itself would wait for twenty-five. Code
# under a sanitizer runs up to ten times as long, and the scalar reference under ThreadSanitizer thirty times. Of tests
# that run side by side, those with the longest limits start first.
function(sd_limit name)
  set(seconds 120)
  if(ARGC GREATER 1)
    set(seconds ${ARGV1})
  endif()
  if(SD_SANITIZE MATCHES "thread")
    math(EXPR seconds "15 * ${seconds}")
  elseif(SD_SANITIZE)
    math(EXPR seconds "5 * ${seconds}")
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds} COST ${seconds})
endfunction()

# sd_quarter_if_sanitized(<test>): under a sanitizer every fourth case of a table of thousands, which reach the same code.
function(sd_quarter_if_sanitized name)
  if(SD_SANITIZE)
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT GTEST_TOTAL_SHARDS=4 GTEST_SHARD_INDEX=0)
  endif()
endfunction()

# sd_test(<name> SOURCES ... DEPS <folder>... [LINK <library>...]) adds one GoogleTest program.
function(sd_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND sd_)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  sd_compile_fast(${name})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} sd_options GTest::gmock GTest::gtest GTest::gtest_main ${ARG_LINK})
  target_compile_definitions(${name} PRIVATE SD_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data"
                                             SD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  if(SD_PRECOMPILED_HEADERS)
    target_precompile_headers(${name} REUSE_FROM sd_test_headers)
  endif()
  sd_join_sources(${name} 12)
  add_test(NAME ${name} COMMAND ${name})
  sd_limit(${name})
endfunction()

# sd_ci_only(<test>...): `make test` leaves them out, `make ci` runs them: loads, soaks, and what waits long for other
# programs.
function(sd_ci_only)
  set_property(TEST ${ARGN} APPEND PROPERTY LABELS ci)
endfunction()
