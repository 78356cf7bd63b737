// toml.cc - toml++ behind plain C structures.
//
// toml++ throws, for syntax errors and for lack of memory. Everything that can
// throw happens inside toml_load's try block; the tree that leaves it is made of
// malloc'ed memory and owned by the caller.
#include "base/toml.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace
{

constexpr size_t max_file_size = 4u << 20;

// What is wrong with the file beyond its syntax, and where.
struct fault : std::runtime_error {
    toml::source_position at;

    fault(toml::source_position where, const char *what) : std::runtime_error(what), at(where)
    {
    }
};

char *copy(std::string_view text, toml::source_position at)
{
    // The rest of the program has C strings: a NUL would hide what follows it.
    if (text.find('\0') != text.npos)
        throw fault(at, "the character U+0000 is not accepted");
    char *p = static_cast<char *>(std::malloc(text.size() + 1));
    if (!p)
        throw std::bad_alloc();
    std::memcpy(p, text.data(), text.size());
    p[text.size()] = '\0';
    return p;
}

template <typename Time> char *copy_time(const Time &time, toml::source_position at)
{
    std::ostringstream text;
    text << time;
    return copy(text.str(), at);
}

void place(toml_node &out, toml::source_position at)
{
    out.line = static_cast<int>(at.line);
    out.column = static_cast<int>(at.column);
}

void convert(const toml::node &from, toml_node &out);

void make_items(toml_node &out, size_t count)
{
    if (!count)
        return;
    out.items = static_cast<toml_node *>(std::calloc(count, sizeof(toml_node)));
    if (!out.items)
        throw std::bad_alloc();
    out.count = count;
}

bool before(toml::source_position a, toml::source_position b)
{
    return a.line != b.line ? a.line < b.line : a.column < b.column;
}

// toml++ keeps a table in the order of its keys; an operator wrote it in another.
void convert_table(const toml::table &from, toml_node &out)
{
    std::vector<toml::table::const_iterator> order;
    for (auto i = from.cbegin(); i != from.cend(); ++i)
        order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [](const auto &a, const auto &b) {
        return before(a->first.source().begin, b->first.source().begin);
    });
    make_items(out, order.size());
    for (size_t i = 0; i < order.size(); i++) {
        const toml::key &key = order[i]->first;
        toml_node &item = out.items[i];
        item.key = copy(key.str(), key.source().begin);
        convert(order[i]->second, item);
        place(item, key.source().begin);
    }
}

void convert_array(const toml::array &from, toml_node &out)
{
    make_items(out, from.size());
    for (size_t i = 0; i < from.size(); i++)
        convert(from[i], out.items[i]);
}

void convert(const toml::node &from, toml_node &out)
{
    const toml::source_position at = from.source().begin;
    place(out, at);
    switch (from.type()) {
    case toml::node_type::table:
        out.kind = TOML_TABLE;
        convert_table(*from.as_table(), out);
        break;
    case toml::node_type::array:
        out.kind = TOML_ARRAY;
        convert_array(*from.as_array(), out);
        break;
    case toml::node_type::string:
        out.kind = TOML_STR;
        out.text = copy(from.as_string()->get(), at);
        break;
    case toml::node_type::integer:
        out.kind = TOML_INT;
        out.integer = from.as_integer()->get();
        break;
    case toml::node_type::floating_point:
        out.kind = TOML_FLOAT;
        out.real = from.as_floating_point()->get();
        break;
    case toml::node_type::boolean:
        out.kind = TOML_BOOL;
        out.boolean = from.as_boolean()->get();
        break;
    case toml::node_type::date:
        out.kind = TOML_TIME;
        out.text = copy_time(from.as_date()->get(), at);
        break;
    case toml::node_type::time:
        out.kind = TOML_TIME;
        out.text = copy_time(from.as_time()->get(), at);
        break;
    case toml::node_type::date_time:
        out.kind = TOML_TIME;
        out.text = copy_time(from.as_date_time()->get(), at);
        break;
    case toml::node_type::none:
        throw fault(at, "a value of no type");
    }
}

void clear(toml_node &node)
{
    for (size_t i = 0; i < node.count; i++)
        clear(node.items[i]);
    std::free(node.items);
    std::free(node.key);
    std::free(node.text);
}

std::string read_file(const char *path)
{
    const std::unique_ptr<FILE, int (*)(FILE *)> file(std::fopen(path, "rbe"), std::fclose);
    if (!file)
        throw std::runtime_error(std::strerror(errno));
    std::string text;
    char chunk[16384];
    while (size_t n = std::fread(chunk, 1, sizeof(chunk), file.get())) {
        text.append(chunk, n);
        if (text.size() > max_file_size)
            throw std::runtime_error("larger than 4 MiB");
    }
    if (std::ferror(file.get()))
        throw std::runtime_error(std::strerror(errno));
    return text;
}

void explain(char *why, size_t size, const char *file, toml::source_position at, const char *what)
{
    if (why && size)
        std::snprintf(why, size, "%s:%u:%u: %s", file, static_cast<unsigned>(at.line),
                      static_cast<unsigned>(at.column), what);
}

} // namespace

struct toml_node *toml_load(const char *file, char *why, size_t why_size)
{
    auto *root = static_cast<toml_node *>(std::calloc(1, sizeof(toml_node)));
    try {
        if (!root)
            throw std::bad_alloc();
        const std::string text = read_file(file);
        const toml::table table = toml::parse(text, std::string_view(file));
        convert(table, *root);
        return root;
    } catch (const toml::parse_error &e) {
        explain(why, why_size, file, e.source().begin, e.what());
    } catch (const fault &e) {
        explain(why, why_size, file, e.at, e.what());
    } catch (const std::exception &e) {
        if (why && why_size)
            std::snprintf(why, why_size, "%s: %s", file, e.what());
    }
    toml_free(root);
    return nullptr;
}

void toml_free(struct toml_node *root)
{
    if (!root)
        return;
    clear(*root);
    std::free(root);
}

const struct toml_node *toml_get(const struct toml_node *table, const char *key)
{
    if (!table || table->kind != TOML_TABLE)
        return nullptr;
    for (size_t i = 0; i < table->count; i++)
        if (std::strcmp(table->items[i].key, key) == 0)
            return &table->items[i];
    return nullptr;
}

const char *toml_kind_name(enum toml_kind kind)
{
    static const char *const names[] = {"a table",  "an array",  "a string",      "an integer",
                                        "a number", "a boolean", "a date or time"};
    return static_cast<size_t>(kind) < std::size(names) ? names[kind] : "a value";
}
