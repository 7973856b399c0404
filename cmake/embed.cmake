# Writes one .cpp that holds files as arrays. Usage: cmake -DROOT=web -DOUTPUT=assets.cpp -DFILES=a;b -P embed.cmake
cmake_policy(VERSION 3.25)
include(${CMAKE_CURRENT_LIST_DIR}/preload_modules.cmake)

set(types
  ".html=text/html\; charset=utf-8" ".js=text/javascript\; charset=utf-8" ".mjs=text/javascript\; charset=utf-8"
  ".css=text/css\; charset=utf-8" ".json=application/json" ".webmanifest=application/manifest+json"
  ".svg=image/svg+xml" ".png=image/png" ".jpg=image/jpeg" ".webp=image/webp" ".ico=image/x-icon"
  ".woff2=font/woff2" ".txt=text/plain\; charset=utf-8")

set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name ${ROOT} ${file})
  get_filename_component(extension ${file} LAST_EXT)
  set(type "")
  foreach(pair IN LISTS types)
    if(pair MATCHES "^\\${extension}=(.*)$")
      set(type "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  if(type STREQUAL "")
    message(FATAL_ERROR "${name}: no MIME type is known for ${extension}; add it to cmake/embed.cmake")
  endif()
  if(extension STREQUAL ".html")
    preload_modules(${file} ${OUTPUT}.html)
    set(file ${OUTPUT}.html)
  endif()
  file(READ ${file} hex HEX)
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 32 hash)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n" bytes "${bytes}")
  string(LENGTH "${hex}" size)
  math(EXPR size "${size} / 2")
  string(APPEND arrays "constexpr unsigned char file_${index}[] = {\n${bytes}0};\n")
  string(APPEND rows "    {\"/${name}\", \"${type}\", \"\\\"${hash}\\\"\", {reinterpret_cast<const char*>(file_${index}), ${size}}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE ${OUTPUT} "// Made by cmake/embed.cmake.
#include \"server/http/assets.h\"

namespace streamdiffusion::server {
namespace {
${arrays}
}  // namespace

std::span<const Asset> assets() {
  static const Asset all[] = {
${rows}  };
  return all;
}

}  // namespace streamdiffusion::server
")
