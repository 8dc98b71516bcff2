#include "liquidity/page.hpp"

#include <page/live_page.hpp>

namespace liquidity {
namespace {

constexpr const char* kStyle = R"css(
.tiles{grid-template-columns:repeat(6,minmax(0,1fr))}
@media(max-width:75rem){.tiles{grid-template-columns:repeat(3,minmax(0,1fr))}}
@media(max-width:34rem){.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}}
.columns{display:grid;gap:1rem;grid-template-columns:minmax(0,1.75fr) minmax(0,1fr);align-items:start}
.side{display:grid;gap:1rem;min-width:0}
@media(max-width:62rem){.columns{grid-template-columns:minmax(0,1fr)}}
#clients td:first-child,#clients-head th:first-child{padding-left:.5rem}#clients td:last-child,#clients-head th:last-child{padding-right:.5rem}
#clients td:first-child{font-weight:550}#clients td small{color:var(--dim);font-weight:400;margin-left:.35rem;font-size:.78rem}
.used{width:26%}.used div{display:flex;align-items:center;gap:.5rem;justify-content:flex-end}
.used i{flex:1;min-width:3rem;height:.5rem;border-radius:.25rem;background:var(--line);overflow:hidden}
.used i::before{content:"";display:block;height:100%;width:var(--w,0%);background:var(--accent);border-radius:.25rem;transition:width .4s}
.used span{width:4rem}
.near .used i::before{background:var(--warn)}.breached .used i::before{background:var(--bad)}
tr.breached{background:var(--bad-shade)}.breached .balance,.breached .used span{color:var(--bad);font-weight:600}
#stages tr{border:0}#stages td{padding-top:.22rem;padding-bottom:.22rem}
#stages .flow{width:38%;padding:0 .5rem}#stages .flow i{display:block;height:.55rem;border-radius:.28rem;background:var(--accent);width:var(--w,0%);transition:width .4s}#stages .moves i{min-width:2px}
#stages tr.out td:first-child{padding-left:1rem;color:var(--dim)}
#events{list-style:none;margin:0;padding:0;max-height:27rem;overflow-y:auto}
#events li{display:grid;grid-template-columns:auto 1fr auto;gap:0 .6rem;padding:.42rem .1rem;border-top:1px solid var(--line);font-variant-numeric:tabular-nums}
#events li:first-child{border:0}
#events .mark{grid-row:span 2;align-self:center;width:1.5rem;height:1.5rem;border-radius:50%;display:grid;place-items:center;font-size:.75rem;background:var(--shade);color:var(--good)}
#events .breach .mark{background:var(--bad-shade);color:var(--bad)}
#events small{color:var(--dim)}#events .money{text-align:right}
#events li.new{animation:arrive 1.6s}@keyframes arrive{from{background:var(--shade)}}#events li.breach.new{animation-name:arrive-bad}@keyframes arrive-bad{from{background:var(--bad-shade)}}
#notice{padding:.6rem 1rem;border-radius:10px;background:var(--bad-shade);color:var(--bad)}#notice:empty{display:none}
@media(max-width:40rem){.legs,.used i{display:none}.used{width:auto}}
@media(max-width:28rem){.floor{display:none}}
)css";

constexpr const char* kBody = R"html(
<div id="notice"></div>
<div class="columns">
<section class="card"><h2>Client balances, nearest to their floors first<small id="positions"></small></h2>
<table><thead id="clients-head"><tr><th>client</th><th>balance</th><th class="floor">floor</th><th class="used">floor used</th><th class="legs">legs</th></tr></thead><tbody id="clients"></tbody></table>
<div class="empty" id="no-clients">No balance yet. Send a transaction: <code>POST /transactions</code></div></section>
<div class="side">
<section class="card"><h2>The chain<small>records a second, and in all</small></h2><table><tbody id="stages"></tbody></table></section>
<section class="card"><h2>Breaches as they come</h2><ul id="events"></ul><div class="empty" id="no-events">Nobody has crossed a floor.</div></section>
</div></div>
)html";

constexpr const char* kScript = R"js(
const digits={};
function digitsOf(currency){
  if(digits[currency]===undefined){try{digits[currency]=new Intl.NumberFormat('en',{style:'currency',currency}).resolvedOptions().maximumFractionDigits}catch{digits[currency]=2}}
  return digits[currency];
}
function money(text,currency){
  const n=digitsOf(currency),negative=text[0]==='-',all=(negative?text.slice(1):text).padStart(n+1,'0');
  const whole=all.slice(0,all.length-n).replace(/\B(?=(\d{3})+$)/g,',');
  return (negative?'−':'')+whole+(n?'.'+all.slice(-n):'');
}
const names={'lq.transactions':'transactions','lq.legs':'legs','lq.account-balances':'account balances','lq.client-legs':'client legs',
'lq.client-balances':'client balances','lq.breaches':'breaches','lq.breach-clears':'clears','lq.dlq':'refused'};
const side=new Set(['lq.breaches','lq.breach-clears','lq.dlq']);
const day=new Intl.DateTimeFormat('en-GB',{weekday:'short',day:'numeric',month:'short',year:'numeric',hour:'2-digit',minute:'2-digit',second:'2-digit',timeZone:'UTC'});
const clock=ms=>new Date(ms).toISOString().slice(11,19);
const percent=used=>used<=0?'0 %':used>9.99?'> 999 %':Math.round(used*100)+' %';
const ms=n=>n<10?n.toFixed(1):count(Math.round(n));
let drawn=false;
function show(s){
  const stage=t=>s.stages.find(x=>x.topic===t);
  const transactions=stage('lq.transactions'),breaches=stage('lq.breaches');
  tile('transactions',count(transactions.records),'in lq.transactions');
  tile('rate',rate(transactions.rate),'a second',transactions.rate);
  tile('latency',s.latency?ms(s.latency.p50)+' ms':'–',s.latency?'99 %: '+ms(s.latency.p99)+' ms':'nothing moves',s.latency?s.latency.p50:0);
  tile('open',count(s.open),'of '+count(s.positions)+' positions');$('open').classList.toggle('bad',s.open>0);
  tile('breaches',count(breaches.records),count(stage('lq.breach-clears').records)+' cleared');
  tile('refused',count(stage('lq.dlq').records),'in lq.dlq');
  put($('clock'),s.business_time>0?day.format(s.business_time):'');
  put($('positions'),s.positions>s.clients.length?s.clients.length+' of '+count(s.positions)+' positions':'');
  put($('notice'),s.problem?'This page does not go on: '+s.problem:'');
  connection(s.current?'live':'reading the past','live');
  $('no-clients').hidden=s.clients.length>0;$('no-events').hidden=s.events.length>0;
  rows($('clients'),s.clients,c=>c.client+'/'+c.currency,(row,c,fresh)=>{
    if(fresh){row.innerHTML='<td><span></span><small></small></td><td class="balance"></td><td class="floor"></td><td class="used"><div><i></i><span></span></div></td><td class="legs"></td>'}
    const td=row.children;put(td[0].children[0],c.client);put(td[0].children[1],c.currency);put(td[1],money(c.balance,c.currency));
    put(td[2],c.floor===null?'none':money(c.floor,c.currency));put(td[3].querySelector('span'),c.floor===null?'':percent(c.used));
    td[3].querySelector('i').style.setProperty('--w',Math.max(0,Math.min(100,c.used*100))+'%');put(td[4],count(c.version));
    row.className=c.breached?'breached':c.used>.8?'near':'';row.dataset.balance=c.balance;row.dataset.floor=c.floor??'';row.dataset.version=c.version;
  });
  const fastest=Math.max(...s.stages.map(t=>t.rate),1e-9);
  rows($('stages'),s.stages,t=>t.topic,(row,t,fresh)=>{
    if(fresh){row.innerHTML='<td></td><td class="flow"><i></i></td><td></td><td></td>';if(side.has(t.topic))row.className='out'}
    const td=row.children;put(td[0],names[t.topic]??t.topic);td[1].className=t.rate>0?'flow moves':'flow';td[1].firstChild.style.setProperty('--w',t.rate/fastest*100+'%');put(td[2],rate(t.rate));put(td[3],count(t.records));
    row.dataset.records=t.records;
  });
  rows($('events'),s.events,e=>(e.breach?'b ':'c ')+e.id,(item,e,fresh)=>{
    if(!fresh)return;
    item.className=(e.breach?'breach':'clear')+(drawn?' new':'');item.dataset.id=e.id;item.dataset.balance=e.balance;item.dataset.transaction=e.transaction;
    const mark=make('span','mark',e.breach?'▼':'▲'),who=make('span','',e.client+' '+e.currency+(e.breach?' below its floor':' back above its floor'));
    item.replaceChildren(mark,who,make('span','money',money(e.balance,e.currency)),make('small','',clock(e.time)+' by '+e.transaction),make('small','money','floor '+money(e.floor,e.currency)));
  });
  drawn=true;
}
follow('/events',show);
)js";

}  // namespace

std::string page() {
  const std::string tiles = kit::tile("rate", "Transactions", true) + kit::tile("latency", "Latency, half within", true) +
                            kit::tile("transactions", "Transactions so far", false) +
                            kit::tile("open", "Below their floor now", false) + kit::tile("breaches", "Breaches", false) +
                            kit::tile("refused", "Refused", false);
  return kit::live_page({.title = "Liquidity",
                         .style = kStyle,
                         .body = "<main><div class=\"tiles\">" + tiles + "</div>" + kBody + "</main>",
                         .script = kScript});
}

}  // namespace liquidity
