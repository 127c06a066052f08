using Halo.Api;

return await ApiCommands.RunAsync(args);
