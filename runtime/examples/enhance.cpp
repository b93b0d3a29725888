// enhance WIDTH HEIGHT < in.rgb > out.rgb: enhances raw 8-bit RGB pixels.
#include <dcelite.h>

#include <iostream>
#include <memory>
#include <string>
#include <vector>

int main(int argc, char **argv) {
    const int width = argc == 3 ? std::stoi(argv[1]) : 0, height = argc == 3 ? std::stoi(argv[2]) : 0;
    std::vector<char> pixels(std::size_t(3) * width * height);
    if (!std::cin.read(pixels.data(), std::streamsize(pixels.size()))) return 2;

    dce_enhancer *handle;
    const dce_status opened = dce_open(nullptr, &handle);
    const std::unique_ptr<dce_enhancer, decltype(&dce_close)> enhancer(handle, dce_close);
    dce_image image = {};
    image.format = DCE_RGB8;
    image.width = width;
    image.height = height;
    image.plane[0] = pixels.data();
    image.stride[0] = std::ptrdiff_t(3) * width;
    if (opened != DCE_OK || dce_enhance(enhancer.get(), &image, &image) != DCE_OK) {
        std::cerr << dce_error_message(enhancer.get()) << '\n';
        return 1;
    }
    std::cout.write(pixels.data(), std::streamsize(pixels.size()));
}
