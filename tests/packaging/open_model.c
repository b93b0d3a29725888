/* Opens a model by a path that is not ASCII, and prints its scale and its channels. */
#include <dcelite.h>
#include <stdio.h>

int main(void) {
    dce_options options;
    dce_enhancer *enhancer;
    dce_model_info info = {.size = sizeof info};
    dce_options_init(&options);
    options.model_path = "D\xc3\xa4" "mmerung.dce";
    const int failed = dce_open(&options, &enhancer) != DCE_OK || dce_get_model_info(enhancer, &info) != DCE_OK;
    if (failed)
        fprintf(stderr, "%s\n", dce_error_message(enhancer));
    else
        printf("%d %d\n", (int)info.scale, (int)info.map_channels);
    dce_close(enhancer);
    return failed;
}
