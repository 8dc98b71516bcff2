// LivePage: a self-contained HTML page that follows a stream of server-sent events; no outside asset, light and dark, wide
// and narrow.
//
// What the applications' pages have in common is written here once: the frame (title, connection, a clock of the
// application), tiles with a number and a sparkline, cards, tables, and a small script:
//   $(id)                  the element
//   make(tag, class, text) a new one
//   count(n), rate(n)      numbers for people
//   tile(id, text, value)  sets a tile's number, and adds a point to its sparkline (null: no point)
//   rows(body, items, key, draw)  table rows or list items, one for each item in this order, reused by key
//   follow(url, show)      calls show(state) for each event, keeps the connection and tells its state
#pragma once

#include <string>

namespace kit {

struct LivePage {
  std::string title;
  std::string style;   // CSS on top of the common one
  std::string body;    // HTML between the header and the end
  std::string script;  // after the common one; ends by calling follow()
};
[[nodiscard]] std::string live_page(const LivePage& page);

/// A tile for live_page(): a label, a number, a line below it, and, if wanted, a sparkline.
[[nodiscard]] std::string tile(const std::string& id, const std::string& label, bool sparkline);

}  // namespace kit
