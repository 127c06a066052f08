using Halo.Link;

return await LinkCommands.Build().Parse(args).InvokeAsync(LinkCommands.OwnSignals);
