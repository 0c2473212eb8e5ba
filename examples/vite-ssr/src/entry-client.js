document.title = "Shop, in the browser";
