# Writes assets.c from a list of assets; run by CMakeLists.txt of this folder:
#
#   cmake -DOUT=<folder> "-DASSETS=<url path>=<file>;..." -P embed.cmake
#
# The bodies are pulled in by the assembler (.incbin): megabytes written out as
# C text would take a compiler longer than the rest of the program.
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")

set(bodies "")
set(table "")
set(index 0)
foreach(asset IN LISTS ASSETS)
  string(REGEX MATCH "^([^=]+)=(.+)\\.([a-z]+)$" matched "${asset}")
  set(path ${CMAKE_MATCH_1})
  set(file ${CMAKE_MATCH_2}.${CMAKE_MATCH_3})
  set(type ${type_${CMAKE_MATCH_3}})
  set(body ${OUT}/asset_${index}.gz)
  # -n: no name and no time in it, so the same input gives the same program.
  execute_process(COMMAND gzip -9nc ${file} OUTPUT_FILE ${body} COMMAND_ERROR_IS_FATAL ANY)
  file(SIZE ${file} plain_len)
  file(SIZE ${body} gzip_len)
  file(SHA256 ${file} hash)
  string(SUBSTRING ${hash} 0 16 tag)
  string(APPEND bodies "BODY(asset_${index}, \"${body}\")\n")
  string(APPEND table "    {\"${path}\", \"${type}\", \"W/\\\"${tag}\\\"\", "
    "asset_${index}, ${gzip_len}, ${plain_len}},\n")
  math(EXPR index "${index} + 1")
endforeach()

file(WRITE ${OUT}/assets.c "/* Made by core/web/embed.cmake. */
#include \"web/assets.h\"

#define BODY(name, file)                                                  \\
    __asm__(\".pushsection .rodata\\n.global \" #name \"\\n.hidden \" #name     \\
            \"\\n\" #name \":\\n.incbin \\\"\" file \"\\\"\\n.popsection\");         \\
    extern const unsigned char name[];

${bodies}
const struct web_asset web_assets[] = {
${table}    {0},
};
")
