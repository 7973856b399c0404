# Writes the header FILE with the commit of the checkout SOURCE, "" where there is none, if that has changed. Run at every build.
cmake_minimum_required(VERSION 3.25)
set(commit "")
if(EXISTS ${SOURCE}/.git)
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE commit
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
file(CONFIGURE OUTPUT ${FILE} CONTENT "// The commit that was built; \"\" where it is not known.
#pragma once

inline constexpr const char* kCommit = \"${commit}\";
")
