# The C interface as a shared library: libstreamdiffusion_c.so, target streamdiffusion::c, with a CMake package and a
# pkg-config file of its own. It exports the functions of include/streamdiffusion/c.h and nothing else.
sd_parts_of(c_api objects links)

set(version_script ${PROJECT_SOURCE_DIR}/cmake/c_library.map)
add_library(streamdiffusion_c SHARED ${objects})
add_library(streamdiffusion::c ALIAS streamdiffusion_c)
target_link_libraries(streamdiffusion_c PRIVATE ${links} sd_options ${CMAKE_DL_LIBS})
target_link_options(streamdiffusion_c PRIVATE
  -Wl,--version-script=${version_script} -Wl,--exclude-libs,ALL -Wl,--as-needed -Wl,--gc-sections)
target_include_directories(streamdiffusion_c INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# One file, libstreamdiffusion_c.so.0, and no link to one of a longer name: CPack 3.25 adds what is behind a link to
# the Installed-Size of a package.
set_target_properties(streamdiffusion_c PROPERTIES
  EXPORT_NAME c LINKER_LANGUAGE CXX SOVERSION ${PROJECT_VERSION_MAJOR}
  LINK_DEPENDS ${version_script})

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/streamdiffusion_c)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/generated/streamdiffusion_cConfigVersion.cmake
  COMPATIBILITY SameMajorVersion)
# Two packages of Debian: what programs load, and what they are built with.
install(TARGETS streamdiffusion_c EXPORT streamdiffusion_cConfig
  LIBRARY COMPONENT c_library NAMELINK_COMPONENT c_development)
install(EXPORT streamdiffusion_cConfig NAMESPACE streamdiffusion:: DESTINATION ${package_dir} COMPONENT c_development)
install(FILES ${PROJECT_BINARY_DIR}/generated/streamdiffusion_cConfigVersion.cmake DESTINATION ${package_dir}
  COMPONENT c_development)
configure_file(${PROJECT_SOURCE_DIR}/cmake/streamdiffusion_c.pc.in ${PROJECT_BINARY_DIR}/generated/streamdiffusion_c.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/generated/streamdiffusion_c.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT c_development)
install(FILES ${PROJECT_SOURCE_DIR}/include/streamdiffusion/c.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/streamdiffusion COMPONENT c_development)
