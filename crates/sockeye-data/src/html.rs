//! HTML as browsers read it: CSS selectors, tables, links, entities.
