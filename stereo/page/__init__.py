"""The page in a browser: a pair in; disparity, depth and point cloud out.

`inputs` takes what a stranger gives, `results` makes the pictures and files of a pair, `session` keeps them in a
folder for each open page, `markup` are the parts that Gradio does not have, `events` what happens, `guard` lets no
other request through: these know no Gradio. `layout` is the page in Gradio, `elements.js` and `style.css` belong to it,
`server` puts all together. Imports run one way: limits ← inputs, results, guard ← session ← markup ← events ← layout ←
server.

A stranger's file is sent as bytes and gets a name of ours: what it was called stays in the browser. Gradio's own upload
is not used, since it keeps the name as part of a path, and equal files of several pages as one file.
"""
