(function () {
  var d = document, id = '' + window.__bID, url = BASE + id + '.js', tag = d.createElement('script'), me = d.currentScript;
  if (!window.__bID || !/^[\w-]{1,64}$/.test(id)) return;
  for (var i = 0; i < d.scripts.length; i++) if (d.scripts[i].src === url) return;
  if (me && me.nonce) tag.nonce = me.nonce;
  tag.async = true;
  try {
    tag.src = window.trustedTypes.createPolicy('contactbar', {
      createScriptURL: function (asked) { return asked === url ? asked : ''; }
    }).createScriptURL(url);
  } catch (none) {
    tag.src = url;
  }
  (d.head || d.documentElement).appendChild(tag);
})();
