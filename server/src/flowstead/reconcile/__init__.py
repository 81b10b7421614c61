"""Makes what exists what should exist: loop, decide (pure), one module a resource."""
