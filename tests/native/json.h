// Reads the golden cases: JSON without escapes in strings.
#pragma once

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace genarm_test {

struct Json {
  double number = 0;
  std::string text;
  std::vector<Json> items;
  std::map<std::string, Json> fields;

  const Json& operator[](const std::string& name) const { return fields.at(name); }
  std::vector<double> numbers() const {
    std::vector<double> out;
    for (const Json& item : items) out.push_back(item.number);
    return out;
  }
};

class JsonReader {
 public:
  static Json read_file(const std::string& path) {
    FILE* file = std::fopen(path.c_str(), "rb");
    if (!file) throw std::runtime_error("cannot open " + path);
    std::string text;
    char block[4096];
    for (size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;) text.append(block, n);
    std::fclose(file);
    return JsonReader(text).value();
  }

 private:
  explicit JsonReader(const std::string& text) : at_(text.c_str()) {}

  char next() {
    while (std::isspace(static_cast<unsigned char>(*at_))) ++at_;
    return *at_;
  }
  bool take(char c) {
    if (next() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw std::runtime_error(std::string("expected ") + c + " before " + std::string(at_).substr(0, 20));
  }
  std::string string() {
    expect('"');
    const char* begin = at_;
    while (*at_ && *at_ != '"') ++at_;
    std::string out(begin, at_);
    expect('"');
    return out;
  }

  Json value() {
    Json json;
    if (take('[')) {
      while (!take(']')) {
        json.items.push_back(value());
        take(',');
      }
    } else if (take('{')) {
      while (!take('}')) {
        const std::string name = string();
        expect(':');
        json.fields[name] = value();
        take(',');
      }
    } else if (next() == '"') {
      json.text = string();
    } else if (std::isalpha(static_cast<unsigned char>(next()))) {
      while (std::isalpha(static_cast<unsigned char>(*at_))) json.text += *at_++;
    } else {
      char* end;
      json.number = std::strtod(at_, &end);
      if (end == at_) throw std::runtime_error("expected a value before " + std::string(at_).substr(0, 20));
      at_ = end;
    }
    return json;
  }

  const char* at_;
};

}  // namespace genarm_test
