# Writes OUT, a C file that defines the text of each of FILES as an array; NAMES are theirs.
set(text "/* made of ${FILES} */\n#include \"page_impl.h\"\n")
foreach(file name IN ZIP_LISTS FILES NAMES)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND text "const char ${name}[] = {${bytes}0};\n")
endforeach()
file(WRITE ${OUT} "${text}")
