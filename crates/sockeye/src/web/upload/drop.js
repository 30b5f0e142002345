'use strict';
(() => {
  const box = document.getElementById('upload');
  if (!box) return;
  const form = box.querySelector('form');
  const [files, hint] = [form.querySelector('input'), box.querySelector('p')];
  const [bar, list] = [box.querySelector('progress'), box.querySelector('ul')];
  hint.hidden = false;

  const say = (text, failed) => {
    const line = document.createElement('li');
    line.textContent = text;
    line.className = failed ? 'failed' : '';
    list.append(line);
  };
  const send = (path, file, moved) => new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    const url = path.split('/').map(encodeURIComponent).join('/');
    request.open('PUT', './' + url);
    request.upload.onprogress = event => moved(event.loaded);
    request.onload = () => request.status < 300 ? done() : fail(request.responseText.trim() || request.status);
    request.onerror = () => fail('the connection is lost');
    request.send(file);
  });
  const upload = async picked => {
    if (!picked.length) return;
    const total = picked.reduce((sum, [, file]) => sum + file.size, 0) || 1;
    let [before, failed] = [0, 0];
    list.replaceChildren();
    bar.hidden = false;
    form.querySelector('button').disabled = true;
    for (const [path, file] of picked) {
      try {
        await send(path, file, loaded => { bar.value = (before + loaded) / total; });
      } catch (why) {
        failed += 1;
        say(path + ': ' + why, true);
      }
      before += file.size;
      bar.value = before / total;
    }
    form.querySelector('button').disabled = false;
    form.reset();
    if (failed) say(picked.length - failed + ' of ' + picked.length + ' were uploaded');
    else location.reload();
  };
  const named = list => [...list].map(file => [file.webkitRelativePath || file.name, file]);

  const folder = document.createElement('input');
  Object.assign(folder, { type: 'file', webkitdirectory: true, hidden: true });
  folder.onchange = () => upload(named(folder.files));
  box.append(folder);
  hint.querySelector('button').onclick = () => folder.click();
  form.onsubmit = event => {
    event.preventDefault();
    upload(named(files.files));
  };

  const read = entry => new Promise(done => {
    if (entry.isFile) {
      entry.file(file => done([[entry.fullPath.replace(/^\//, ''), file]]), () => done([]));
      return;
    }
    const [reader, found] = [entry.createReader(), []];
    // A reader gives a hundred at a time, then none.
    const more = () => reader.readEntries(entries => {
      if (!entries.length) done(Promise.all(found.map(read)).then(all => all.flat()));
      else { found.push(...entries); more(); }
    }, () => done([]));
    more();
  });
  const over = on => event => {
    if (event.dataTransfer && ![...event.dataTransfer.types].includes('Files')) return;
    event.preventDefault();
    box.classList.toggle('over', on);
  };
  addEventListener('dragover', over(true));
  addEventListener('dragleave', over(false));
  addEventListener('drop', event => {
    over(false)(event);
    const entries = [...event.dataTransfer.items].map(item => item.webkitGetAsEntry()).filter(Boolean);
    if (entries.length) Promise.all(entries.map(read)).then(all => upload(all.flat()));
    else upload(named(event.dataTransfer.files));
  });
})();
