// The statistics of a picture: those of pictures whose statistics one knows, and of one whose rows are counted in bands.
#include <math.h>
#include <string.h>

#include <vector>

#include "check.h"
#include "network/scene.h"

namespace {

using dce::kSceneBins;
using dce::kSceneStatistics;
using Picture = std::vector<float>;  // (height, width, 3)

dce::SceneCounts counts_of(const float *rows, int width, int height) {
    dce::SceneCounts counts;
    counts.clear();
    for (int y = 0; y < height; ++y) counts.add_row(rows + size_t{3} * width * y, width);
    return counts;
}

struct Statistics {
    double values[kSceneStatistics];

    explicit Statistics(const dce::SceneCounts &counts) { dce::Scene::statistics(counts, values); }
    const double *brightest() const { return values; }
    const double *mean() const { return values + kSceneBins; }
    const double *colors() const { return values + 2 * kSceneBins; }
};

// A pixel is counted in steps of 1 / kWholePixel.
bool near(double seen, double wanted) { return fabs(seen - wanted) < 2.0 / dce::kWholePixel; }

Picture uniform(int width, int height, float red, float green, float blue) {
    Picture picture;
    for (int i = 0; i < width * height; ++i) picture.insert(picture.end(), {red, green, blue});
    return picture;
}

// All of the weight in a bin and the one above, by share of the latter.
void check_histogram(const double *bins, int lower, double share) {
    for (int k = 0; k < kSceneBins; ++k) CHECK(near(bins[k], k == lower ? 1 - share : k == lower + 1 ? share : 0.0));
}

void test_known_pictures() {
    const Statistics black(counts_of(uniform(5, 3, 0, 0, 0).data(), 5, 3));
    check_histogram(black.brightest(), 0, 0.0);
    check_histogram(black.mean(), 0, 0.0);
    for (int c = 0; c < 3; ++c) CHECK(black.colors()[c] == 0.0);

    const Statistics white(counts_of(uniform(7, 2, 1, 1, 1).data(), 7, 2));
    check_histogram(white.brightest(), kSceneBins - 2, 1.0);
    check_histogram(white.mean(), kSceneBins - 2, 1.0);
    for (int c = 0; c < 3; ++c) CHECK(near(white.colors()[c], 1.0));

    // Brightest 128 of 255, 15 sqrt(128/255) = 10.6274, mean 67, 15 sqrt(67/255) = 7.6888.
    const Statistics colored(counts_of(uniform(4, 4, 64 / 255.0f, 128 / 255.0f, 9 / 255.0f).data(), 4, 4));
    check_histogram(colored.brightest(), 10, 15 * sqrt(128 / 255.0) - 10);
    check_histogram(colored.mean(), 7, 15 * sqrt(67 / 255.0) - 7);
    CHECK(near(colored.colors()[0], 64 / 255.0));
    CHECK(near(colored.colors()[1], 128 / 255.0));
    CHECK(near(colored.colors()[2], 9 / 255.0));

    // One pixel of three is white.
    Picture third = uniform(3, 1, 0, 0, 0);
    for (int i = 6; i < 9; ++i) third[i] = 1.0f;
    const Statistics some(counts_of(third.data(), 3, 1));
    for (const double *bins : {some.brightest(), some.mean()})
        for (int k = 0; k < kSceneBins; ++k) CHECK(near(bins[k], k == 0 ? 2 / 3.0 : k == kSceneBins - 1 ? 1 / 3.0 : 0.0));
}

void test_bands() {
    const int width = 37, height = 41;
    unsigned state = 7;
    Picture picture(size_t{3} * width * height);
    for (float &value : picture) value = static_cast<float>(random_u32(&state) >> 8) / 16777216.0f;
    const dce::SceneCounts whole = counts_of(picture.data(), width, height);
    for (int bands = 2; bands <= 5; ++bands) {
        dce::SceneCounts sum;
        sum.clear();
        for (int b = bands - 1; b >= 0; --b) {
            const int begin = height * b / bands, end = height * (b + 1) / bands;
            sum.add(counts_of(picture.data() + size_t{3} * width * begin, width, end - begin));
        }
        CHECK(memcmp(&sum, &whole, sizeof whole) == 0);
        const Statistics of_sum(sum), of_whole(whole);
        CHECK(memcmp(of_sum.values, of_whole.values, sizeof of_whole.values) == 0);
    }
    const Statistics statistics(whole);
    double brightest = 0.0, mean = 0.0;
    for (int k = 0; k < kSceneBins; ++k) {
        brightest += statistics.brightest()[k];
        mean += statistics.mean()[k];
    }
    CHECK(near(brightest, 1.0) && near(mean, 1.0));
}

}  // namespace

int main() {
    test_known_pictures();
    test_bands();
    return 0;
}
