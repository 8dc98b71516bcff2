#include "page/live_page.hpp"

namespace kit {
namespace {

constexpr const char* kStyle = R"css(
:root{color-scheme:light dark;--bg:#f3f5f7;--card:#fff;--ink:#17212b;--dim:#5f6d7c;--line:#e2e7ec;--accent:#0b7a8f;
--good:#2b8a3e;--warn:#c77700;--bad:#c92a2a;--shade:#0b7a8f1f;--bad-shade:#c92a2a14}
@media(prefers-color-scheme:dark){:root{--bg:#0f151b;--card:#172029;--ink:#e4eaf0;--dim:#90a0b0;--line:#263341;
--accent:#3bb8cf;--good:#69c979;--warn:#e9a23b;--bad:#ff7b72;--shade:#3bb8cf26;--bad-shade:#ff7b721f}}
*{box-sizing:border-box;scrollbar-width:thin;scrollbar-color:var(--line) transparent}
body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header{display:flex;gap:.4rem 1rem;align-items:center;flex-wrap:wrap;padding:.85rem 1.4rem;background:var(--card);border-bottom:1px solid var(--line)}
header svg{width:1.6rem;height:1.6rem;color:var(--accent);flex:none}
h1{font-size:1.1rem;margin:0;font-weight:650;letter-spacing:-.01em}
#clock{color:var(--dim);font-variant-numeric:tabular-nums}
#connection{margin-left:auto;display:flex;align-items:center;gap:.45rem;padding:.16rem .7rem;border-radius:1rem;background:var(--shade);color:var(--accent);font-size:.82rem}
#connection::before{content:"";width:.5rem;height:.5rem;border-radius:50%;background:currentColor}
#connection.live::before{animation:pulse 2s infinite}
#connection.off{background:var(--bad-shade);color:var(--bad)}
@keyframes pulse{50%{opacity:.35}}
main{display:grid;gap:1rem;padding:1rem 1.4rem 2rem;max-width:100rem;margin:0 auto}
.tiles{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(11.5rem,1fr))}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:10px;box-shadow:0 1px 2px #00000008}
.tile{padding:.75rem 1rem .7rem;position:relative;overflow:hidden;min-height:6.1rem}
.tile h2{margin:0;font-size:.78rem;font-weight:550;color:var(--dim)}
.tile b{display:block;font-size:1.65rem;line-height:1.25;font-weight:600;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile small{color:var(--dim);font-size:.8rem;font-variant-numeric:tabular-nums}
.tile svg{position:absolute;right:0;bottom:0;width:58%;height:2.5rem;color:var(--accent)}
.tile svg+*,.tile small{position:relative}
.tile.bad b{color:var(--bad)}
.card{padding:.9rem 1rem;min-width:0}
.card>h2{margin:0 0 .55rem;font-size:.95rem;font-weight:600}
.card>h2 small{font-weight:400;color:var(--dim);font-size:.82rem;margin-left:.35rem}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th{color:var(--dim);font-weight:500;font-size:.8rem}
th,td{padding:.3rem .5rem;text-align:right;white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}th:last-child,td:last-child{padding-right:0}
tbody tr{border-top:1px solid var(--line)}
.empty{color:var(--dim);padding:1.6rem .5rem;text-align:center}
.empty code{background:var(--shade);padding:.1rem .35rem;border-radius:4px;color:var(--ink)}
@media(max-width:34rem){header,main{padding-left:.8rem;padding-right:.8rem}.tiles{gap:.7rem}.tile b{font-size:1.35rem}}
)css";

constexpr const char* kScript = R"js(
const $=id=>document.getElementById(id);
const make=(tag,cls,text)=>{const e=document.createElement(tag);if(cls)e.className=cls;if(text!==undefined)e.textContent=text;return e};
const put=(e,text)=>{if(e.textContent!==text)e.textContent=text};
const count=n=>n.toLocaleString('en');
const rate=n=>n>=100?count(Math.round(n)):n>=10?n.toFixed(0):n>0?n.toFixed(1):'0';
const history={};
function sparkline(id,value){
  const svg=$(id).querySelector('svg');if(!svg)return;
  const kept=history[id]??=[];kept.push(value);if(kept.length>120)kept.shift();
  if(kept.length<2)return;
  const n=Math.max(40,kept.length),top=Math.max(...kept,1e-9)*1.15,x=i=>(i+n-kept.length)/(n-1)*100,y=v=>30-v/top*29;
  const line=kept.map((v,i)=>x(i).toFixed(1)+','+y(v).toFixed(1)).join(' L');
  svg.innerHTML='<path fill="var(--shade)" d="M'+x(0)+',30 L'+line+' L100,30 Z"/><path fill="none" stroke="currentColor" stroke-width="1.4" vector-effect="non-scaling-stroke" d="M'+line+'"/>';
}
function tile(id,text,below,value){put($(id).querySelector('b'),text);put($(id).querySelector('small'),below);if(value!==undefined&&value!==null)sparkline(id,value)}
function rows(body,items,key,draw){
  const old=new Map([...body.children].map(e=>[e.dataset.key,e]));
  const now=items.map(item=>{const k=key(item);const e=old.get(k)??make(body.tagName==='TBODY'?'tr':'li');if(!old.has(k)){e.dataset.key=k}draw(e,item,!old.has(k));return e});
  const same=now.length===body.children.length&&now.every((e,i)=>e===body.children[i]);
  if(!same)body.replaceChildren(...now);
}
function cells(row,n){while(row.children.length<n)row.append(make('td'));return row.children}
function connection(text,cls){put($('connection'),text);$('connection').className=cls}
function follow(url,show){
  const source=new EventSource(url);
  source.onmessage=m=>{const state=JSON.parse(m.data);show(state);document.body.dataset.events=1+ +(document.body.dataset.events??0)};
  source.onerror=()=>{connection('not connected: it has ended or is starting again','off');if(source.readyState===2){source.close();setTimeout(()=>follow(url,show),2000)}};
}
)js";

// The wheel of a mill over water.
constexpr const char* kMark =
    R"svg(<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round"><circle cx="12" cy="9.5" r="6.2"/><path d="M12 3.3v12.4M5.8 9.5h12.4M7.6 5.1l8.8 8.8M16.4 5.1l-8.8 8.8"/><path d="M1.5 19.5c2.6-2 4.4-2 7 0s4.4 2 7 0 4.4-2 7 0"/></svg>)svg";

}  // namespace

std::string live_page(const LivePage& page) {
  return R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<link rel="icon" href="data:,"><title>)" +
         page.title + "</title><style>" + kStyle + page.style + "</style></head><body><header>" + kMark + "<h1>" + page.title +
         R"(</h1><span id="clock"></span><span id="connection">connecting</span></header>)" + page.body + "<script>" + kScript +
         page.script + "</script></body></html>\n";
}

std::string tile(const std::string& id, const std::string& label, bool sparkline) {
  return "<section class=\"tile\" id=\"" + id + "\"><h2>" + label + "</h2>" +
         (sparkline ? "<svg viewBox=\"0 0 100 30\" preserveAspectRatio=\"none\"></svg>" : "") +
         "<b>–</b><small></small></section>";
}

}  // namespace kit
