/* Rows in a temporary file, because a page says how many pages there are: a line per row, a tab behind each text, which has
 * none itself (plan_texts). The file is nameless: it goes with the process, however that ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pdf.h"

struct rows_file {
    FILE *file;
    char *line;
    size_t line_cap;
    const char **texts;
    size_t text_cap;
};

static FILE *nameless(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/hadir-report.XXXXXX", temporary_folder());
    int fd = mkstemp(path);
    if (fd < 0)
        return NULL;
    unlink(path);
    FILE *file = fdopen(fd, "w+b");
    if (file == NULL)
        close(fd);
    return file;
}

struct rows_file *rows_file_new(void)
{
    struct rows_file *f = calloc(1, sizeof *f);
    if (f != NULL && (f->file = nameless()) == NULL) {
        free(f);
        return NULL;
    }
    return f;
}

void rows_file_free(struct rows_file *f)
{
    if (f == NULL)
        return;
    fclose(f->file);
    free(f->line);
    free(f->texts);
    free(f);
}

bool rows_file_add(struct rows_file *f, size_t count, const char *const *texts)
{
    for (size_t i = 0; i < count; i++)
        if (fputs(texts[i], f->file) < 0 || fputc('\t', f->file) == EOF)
            return false;
    return fputc('\n', f->file) != EOF;
}

off_t rows_file_at(const struct rows_file *f)
{
    return ftello(f->file);
}

bool rows_file_seek(struct rows_file *f, off_t at)
{
    return !ferror(f->file) && fseeko(f->file, at, SEEK_SET) == 0;
}

static bool make_room(struct rows_file *f, size_t count)
{
    if (count <= f->text_cap)
        return true;
    const char **texts = reallocarray(f->texts, count, sizeof *texts);
    if (texts == NULL)
        return false;
    f->texts = texts;
    f->text_cap = count;
    return true;
}

const char *const *rows_file_next(struct rows_file *f, size_t count)
{
    if (!make_room(f, count) || getline(&f->line, &f->line_cap, f->file) < 0)
        return NULL;
    char *at = f->line;
    for (size_t i = 0; i < count; i++) {
        char *tab = strchr(at, '\t');
        if (tab == NULL)
            return NULL;
        *tab = '\0';
        f->texts[i] = at;
        at = tab + 1;
    }
    return f->texts;
}
