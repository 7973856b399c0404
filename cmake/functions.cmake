# One way to add a layer of the library, and one way to add a test of it.

add_library(sd_options INTERFACE)
target_compile_options(sd_options INTERFACE -Wall -Wextra -Wshadow -Wno-missing-field-initializers
                                         -Wno-restrict) # g++ 12 warns falsely about std::string
if(SD_SANITIZE)
  target_compile_options(sd_options INTERFACE -fsanitize=${SD_SANITIZE} -fno-omit-frame-pointer
                                              -fno-sanitize-recover=all)
  target_link_options(sd_options INTERFACE -fsanitize=${SD_SANITIZE})
endif()

# sd_library(<folder> SOURCES ... [DEPS <folder>...] [LINK <library>...])
# adds sd_<folder>, which may include only the headers of the layers in DEPS and theirs.
function(sd_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LINK" ${ARGN})
  add_library(sd_${name} STATIC ${ARG_SOURCES})
  target_include_directories(sd_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  list(TRANSFORM ARG_DEPS PREPEND sd_)
  target_link_libraries(sd_${name} PUBLIC ${ARG_DEPS} PRIVATE sd_options ${ARG_LINK})
endfunction()

# sd_limit(<test> [<seconds>]): a test that hangs fails after two minutes. CTest itself would wait for twenty-five. Code
# under a sanitizer runs up to ten times as long.
function(sd_limit name)
  set(seconds 120)
  if(ARGC GREATER 1)
    set(seconds ${ARGV1})
  endif()
  if(SD_SANITIZE)
    math(EXPR seconds "5 * ${seconds}")
  endif()
  set_tests_properties(${name} PROPERTIES TIMEOUT ${seconds})
endfunction()

# sd_test(<name> SOURCES ... DEPS <folder>... [LINK <library>...]) adds one GoogleTest program.
function(sd_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  list(TRANSFORM ARG_DEPS PREPEND sd_)
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} sd_options GTest::gmock GTest::gtest GTest::gtest_main ${ARG_LINK})
  target_compile_definitions(${name} PRIVATE SD_TEST_DATA_DIR="${PROJECT_SOURCE_DIR}/tests/data"
                                             SD_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  sd_limit(${name})
endfunction()
