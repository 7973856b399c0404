# Lets browsers ask for all modules of a page at once, and not for each level of imports once the level
# above it has come.

# Adds to the list `found` the modules that `module` imports when it starts, and theirs.
function(find_imports module found)
  file(READ ${ROOT}/${module} text)
  string(REGEX MATCHALL "from \"\\./[a-z0-9_]+\\.js\"" imports "${text}")
  foreach(import IN LISTS imports)
    string(REGEX MATCH "[a-z0-9_]+\\.js" name "${import}")
    if(NOT name IN_LIST ${found})
      list(APPEND ${found} ${name})
      find_imports(${name} ${found})
    endif()
  endforeach()
  set(${found} ${${found}} PARENT_SCOPE)
endfunction()

# Writes the page as it is sent: with a line for each module of its module script.
function(preload_modules page output)
  file(READ ${page} text)
  if(text MATCHES "  <script type=\"module\" src=\"([a-z0-9_]+\\.js)\">")
    set(script "${CMAKE_MATCH_0}")
    set(modules "")
    find_imports(${CMAKE_MATCH_1} modules)
    set(links "")
    foreach(module IN LISTS modules)
      string(APPEND links "  <link rel=\"modulepreload\" href=\"${module}\">\n")
    endforeach()
    string(REPLACE "${script}" "${links}${script}" text "${text}")
  endif()
  file(WRITE ${output} "${text}")
endfunction()
