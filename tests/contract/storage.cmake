# contract_storage: the contract of dialgate/storage.h, for any plugin.
add_executable(contract_storage storage_main.c storage_rig.c storage_suite.c storage_documents.c
  storage_writes.c storage_queries.c storage_changes.c storage_schema.c storage_crash.c
  storage_takers.c storage_bench.c)
target_link_libraries(contract_storage PRIVATE dg_plug PkgConfig::CMOCKA)

# contract_storage_tests(name plugin config instance): the suite, and the killing.
# More arguments are a command that the suite is run by.
function(contract_storage_tests name plugin config instance)
  set(command ${ARGN} $<TARGET_FILE:contract_storage> $<TARGET_FILE:${plugin}>
    --config ${config} --instance ${instance})
  add_test(NAME contract_${name} COMMAND ${command})
  add_test(NAME contract_${name}_killed COMMAND ${command} --kill 20)
  set_tests_properties(contract_${name} contract_${name}_killed PROPERTIES
    LABELS contract TIMEOUT 300)
endfunction()

contract_storage_tests(storage_file plugin_storage-file
  ${CMAKE_CURRENT_SOURCE_DIR}/storage-file.toml storage)
contract_storage_tests(storage_pg plugin_storage-pg ${CMAKE_CURRENT_SOURCE_DIR}/storage-pg.toml
  storage ${CMAKE_CURRENT_SOURCE_DIR}/with_postgres.py)
# Several gateways may have it open.
add_test(NAME contract_storage_pg_takers COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/with_postgres.py
  $<TARGET_FILE:contract_storage> $<TARGET_FILE:plugin_storage-pg>
  --config ${CMAKE_CURRENT_SOURCE_DIR}/storage-pg.toml --instance storage --takers 4)
set_tests_properties(contract_storage_pg_takers PROPERTIES LABELS contract TIMEOUT 300)

# What only storage-file can suffer.
foreach(name storage_file_faults storage_file_damage)
  add_executable(${name} ${name}.c storage_place.c storage_rig.c storage_suite.c)
  target_link_libraries(${name} PRIVATE dg_plug PkgConfig::CMOCKA PkgConfig::SQLITE)
  add_test(NAME ${name} COMMAND ${name} $<TARGET_FILE:plugin_storage-file>)
  set_tests_properties(${name} PROPERTIES LABELS contract TIMEOUT 120)
endforeach()

# Both stores are asked the same and must answer the same.
add_executable(storage_twins storage_twins.c storage_random.c storage_rig.c storage_suite.c)
target_link_libraries(storage_twins PRIVATE dg_plug PkgConfig::CMOCKA)
add_test(NAME storage_twins COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/with_postgres.py
  $<TARGET_FILE:storage_twins>
  $<TARGET_FILE:plugin_storage-file> ${CMAKE_CURRENT_SOURCE_DIR}/storage-file.toml
  $<TARGET_FILE:plugin_storage-pg> ${CMAKE_CURRENT_SOURCE_DIR}/storage-pg.toml)
set_tests_properties(storage_twins PROPERTIES LABELS contract TIMEOUT 600)
