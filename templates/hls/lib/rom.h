// Weights in csim: read from the text files that synthesis includes as initialisers.
#ifndef TAILOR_ROM_H_
#define TAILOR_ROM_H_

#ifndef __SYNTHESIS__

#include <cstdio>
#include <cstdlib>
#include <string>

// Where the files are, seen from the folder that csim runs in.
#ifndef TAILOR_WEIGHTS_FOLDER
#define TAILOR_WEIGHTS_FOLDER "weights"
#endif

namespace tailor {

// Fills a ROM, row after row, with the decimals of `file`, separated by commas.
template <class T, int Rows, int Columns> void load_rom(T (&rom)[Rows][Columns], const char *file) {
    const std::string path = std::string(TAILOR_WEIGHTS_FOLDER) + "/" + file;
    std::FILE *text = std::fopen(path.c_str(), "r");
    if (text == NULL) {
        std::fprintf(stderr, "csim: cannot open %s\n", path.c_str());
        std::abort();
    }
    for (int row = 0; row < Rows; ++row) {
        for (int column = 0; column < Columns; ++column) {
            double value = 0;
            if (std::fscanf(text, " %lf ,", &value) != 1) {
                std::fprintf(stderr, "csim: %s has fewer than %d x %d numbers\n", path.c_str(), Rows, Columns);
                std::abort();
            }
            rom[row][column] = value;
        }
    }
    std::fclose(text);
}

} // namespace tailor

#endif

#endif
