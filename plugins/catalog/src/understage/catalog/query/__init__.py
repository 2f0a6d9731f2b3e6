"""Reading the catalog: predicates, cursors, projections and the SQL for them."""
