# The Debian package: what is installed where, and CPack's description of it. tools/package builds it.
include(GNUInstallDirs)
set(packaging ${PROJECT_SOURCE_DIR}/tools/packaging)

install(TARGETS weir weirctl weir-gen weir-collect DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${packaging}/weir.service DESTINATION lib/systemd/system)
install(FILES ${packaging}/weir.conf DESTINATION /etc/weir)

# Debian wants man pages and the change log compressed, and the licence under this name.
file(TIMESTAMP ${PROJECT_SOURCE_DIR}/CMakeLists.txt changed "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/package/changelog @ONLY CONTENT
"weir (@PROJECT_VERSION@) unstable; urgency=medium

  * See the repository's log.

 -- The weir authors <weir@weir-probe.org>  @changed@
")
find_program(GZIP gzip REQUIRED)
set(compressed)
foreach(program IN ITEMS weir weirctl weir-collect weir-gen)
  set(page ${PROJECT_BINARY_DIR}/package/${program}.1.gz)
  add_custom_command(OUTPUT ${page} DEPENDS man ${PROJECT_BINARY_DIR}/man/${program}.1
    COMMAND ${GZIP} -9nc ${PROJECT_BINARY_DIR}/man/${program}.1 > ${page} VERBATIM)
  list(APPEND compressed ${page})
endforeach()
set(log ${PROJECT_BINARY_DIR}/package/changelog.gz)
add_custom_command(OUTPUT ${log} DEPENDS ${PROJECT_BINARY_DIR}/package/changelog COMMAND ${GZIP} -9nc ${PROJECT_BINARY_DIR}/package/changelog > ${log} VERBATIM)
add_custom_target(package_files DEPENDS ${compressed} ${log})
install(FILES ${compressed} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 OPTIONAL)
install(FILES ${log} DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/weir OPTIONAL)
install(FILES ${packaging}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/weir)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME weir)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "The weir authors <weir@weir-probe.org>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_MONOLITHIC_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"weir measures network flows. Workers poll the ports and count packets in a
 flow table; records leave as NetFlow v9, IPFIX, protobuf or JSON, or to Kafka.
 Every packet that was received is in a record or in the ledger, by name.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# Drivers of NICs: the EAL loads them by itself.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, librte-meta-bus, librte-meta-mempool, librte-meta-net")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${packaging}/conffiles ${packaging}/postinst ${packaging}/prerm ${packaging}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
