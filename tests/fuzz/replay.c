/* Feeds files to a fuzz target without libFuzzer: the corpus as a test of every build. Usage: fuzz_NAME FILE|FOLDER... */
#include "fuzz.h"

#include <dirent.h>
#include <sys/stat.h>

static size_t inputs;

/* In memory of its own size, so that a sanitizer sees a byte read too much. */
static void one_file(const char *path)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    MUST(f != NULL && fstat(fileno(f), &st) == 0);
    size_t size = (size_t)st.st_size;
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    MUST(bytes != NULL && fread(bytes, 1, size, f) == size);
    fclose(f);
    (void)LLVMFuzzerTestOneInput(bytes, size);
    free(bytes);
    inputs++;
}

static void one_path(const char *path)
{
    char name[1024];
    DIR *d = opendir(path);
    if (d == NULL) {
        one_file(path);
        return;
    }
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.')
            one_file(name);
    }
    closedir(d);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        one_path(argv[i]);
    printf("%zu inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
