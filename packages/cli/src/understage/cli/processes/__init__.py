"""`understage start --processes`: the plugins of one backend in several processes of one machine."""
