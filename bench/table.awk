# JSON objects of a line each, as bench/gpu.sh collects them: a table for each section, its columns the keys.
{
  line = substr($0, 2, length($0) - 2)
  sub(/^"/, "", line)
  gsub(/, "/, "\001", line)
  count = split(line, pair, "\001")
  section = ""
  keys = ""
  for (i = 1; i <= count; i++) {
    at = index(pair[i], "\": ")
    key[i] = substr(pair[i], 1, at - 1)
    value[i] = substr(pair[i], at + 3)
    gsub(/"/, "", value[i])
    if (key[i] == "section") section = value[i]
    else keys = keys "\001" key[i]
  }
  table = section keys
  if (!(table in rows)) order[++tables] = table
  row = rows[table]++
  column = 0
  for (i = 1; i <= count; i++) {
    if (key[i] == "section") continue
    column++
    cell[table, row, column] = value[i]
    if (length(value[i]) > width[table, column]) width[table, column] = length(value[i])
  }
}
END {
  for (t = 1; t <= tables; t++) {
    table = order[t]
    columns = split(table, name, "\001")
    printf "\n%s\n", name[1]
    for (row = -1; row < rows[table]; row++) {
      text = ""
      for (c = 1; c < columns; c++) {
        wide = width[table, c] > length(name[c + 1]) ? width[table, c] : length(name[c + 1])
        text = text sprintf("%-" wide "s  ", row < 0 ? name[c + 1] : cell[table, row, c])
      }
      sub(/ +$/, "", text)
      print text
    }
  }
}
