using Halo.Link;

return Culture.MakeInvariant() ?? await LinkCommands.Build().Parse(args).InvokeAsync(LinkCommands.OwnSignals);
