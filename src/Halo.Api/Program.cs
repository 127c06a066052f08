using Halo.Api.Hosting;

return await ApiCommands.RunAsync(args);
