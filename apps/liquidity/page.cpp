#include "liquidity/page.hpp"

namespace liquidity {

const char* const kPage = R"html(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>Liquidity</title>
<style>
:root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#1a2330;--dim:#66707f;--line:#e3e7ec;--bad:#c62828;--good:#2e7d32;--bar:#3f72af}
@media(prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1a2028;--ink:#e6eaf0;--dim:#93a0b1;--line:#2a323d;--bad:#ef6a6a;--good:#6fcf76;--bar:#6a9fdc}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);font:14px/1.45 system-ui,sans-serif}
header{display:flex;gap:1.5rem;align-items:baseline;padding:1rem 1.5rem;border-bottom:1px solid var(--line);flex-wrap:wrap}
h1{font-size:1.15rem;margin:0}#state{color:var(--dim)}#state.off{color:var(--bad);font-weight:600}
main{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,1fr);gap:1rem;padding:1rem 1.5rem}
@media(max-width:900px){main{grid-template-columns:1fr}}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.9rem 1rem;overflow:auto}
h2{font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;color:var(--dim);margin:0 0 .6rem}
table{width:100%;border-collapse:collapse}td,th{padding:.22rem .5rem;text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
td:first-child,th:first-child{text-align:left}th{color:var(--dim);font-weight:500}tr+tr td{border-top:1px solid var(--line)}
.breached td{color:var(--bad)}.kind-breach b{color:var(--bad)}.kind-clear b{color:var(--good)}
.numbers{display:flex;gap:2rem}.numbers div{font-size:1.5rem;font-variant-numeric:tabular-nums}.numbers small{display:block;font-size:.75rem;color:var(--dim)}
#events div{padding:.2rem 0;border-top:1px solid var(--line)}#events div:first-child{border:0}
</style></head><body>
<header><h1>Liquidity</h1><span id="state">connecting…</span>
<div class="numbers"><div><small>transactions</small><span id="transactions">–</span></div><div><small>per second</small><span id="rate">–</span></div>
<div><small>breaches</small><span id="breaches">–</span></div><div><small>cleared</small><span id="clears">–</span></div><div><small>refused</small><span id="refused">–</span></div></div></header>
<main><section><h2>Client balances nearest to their floors (<span id="count">0</span> positions)</h2>
<table><thead><tr><th>client</th><th>balance</th><th>floor</th><th>room</th><th>legs</th></tr></thead><tbody id="clients"></tbody></table></section>
<div style="display:grid;gap:1rem;align-content:start"><section><h2>Stages</h2><table><thead><tr><th>topic</th><th>records</th><th>per second</th></tr></thead><tbody id="stages"></tbody></table></section>
<section><h2>Breaches as they come</h2><div id="events"></div></section></div></main>
<script>
const $=id=>document.getElementById(id),money=n=>(n/100).toLocaleString('en',{minimumFractionDigits:2});
const cell=(row,text)=>{const td=document.createElement('td');td.textContent=text;row.append(td)};
function show(s){
  $('count').textContent=s.client_count;$('breaches').textContent=s.breaches;$('clears').textContent=s.clears;
  const stage=t=>s.stages.find(x=>x.topic===t)||{records:0,rate:0};
  $('transactions').textContent=stage('lq.transactions').records.toLocaleString('en');
  $('rate').textContent=Math.round(stage('lq.transactions').rate).toLocaleString('en');
  $('refused').textContent=stage('lq.dlq').records;
  $('clients').replaceChildren(...s.clients.map(c=>{const r=document.createElement('tr');r.dataset.key=c.client+'/'+c.currency;r.dataset.balance=c.balance;if(c.breached)r.className='breached';
    cell(r,c.client+' '+c.currency);cell(r,money(c.balance));cell(r,c.has_limit?money(c.floor):'–');cell(r,c.has_limit?money(c.balance-c.floor):'–');cell(r,c.version);return r}));
  $('stages').replaceChildren(...s.stages.map(t=>{const r=document.createElement('tr');cell(r,t.topic);cell(r,t.records.toLocaleString('en'));cell(r,Math.round(t.rate).toLocaleString('en'));return r}));
  $('events').replaceChildren(...s.events.map(e=>{const d=document.createElement('div');d.className='kind-'+e.kind;const b=document.createElement('b');b.textContent=e.kind+' ';d.append(b,e.event.client+' '+e.event.currency+' '+money(e.event.balance)+' (floor '+money(e.event.floor)+') by '+e.event.transaction);return d}));
}
function connect(){const source=new EventSource('/events');
  source.onopen=()=>{$('state').textContent='live';$('state').className=''};
  source.onmessage=m=>show(JSON.parse(m.data));
  source.onerror=()=>{$('state').textContent='not connected – the process is down or restarting; trying again…';$('state').className='off'}}
connect();
</script></body></html>)html";

}  // namespace liquidity
