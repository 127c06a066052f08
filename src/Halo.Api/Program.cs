using Halo.Api;

return await HaloApi.RunAsync(args);
