// The API server of Kubernetes with its store, garbage collector and namespace controller in one process, for tests: no
// kubelet, no scheduler, nothing leaves the loopback.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
)

func main() {
	dir := flag.String("dir", "", "folder for all state")
	port := flag.Int("port", 0, "port of the API server")
	etcdPort := flag.Int("etcd-port", 0, "port of the store; its peer port is the next one")
	tokens := flag.String("tokens", "", "further lines of the token file: token,user,uid[,\"groups\"], separated by ;")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	check(os.MkdirAll(*dir, 0o700))
	store := startStore(filepath.Join(*dir, "etcd"), *etcdPort)
	defer store.Close()

	key := filepath.Join(*dir, "sa.key")
	writeKey(key)
	tokenFile := filepath.Join(*dir, "tokens.csv")
	lines := "admin-token,admin,admin,system:masters\n" + strings.ReplaceAll(*tokens, ";", "\n") + "\n"
	check(os.WriteFile(tokenFile, []byte(lines), 0o600))

	command := app.NewAPIServerCommand()
	command.SetArgs([]string{
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", *etcdPort),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--secure-port=%d", *port),
		"--advertise-address=127.0.0.1",
		"--cert-dir=" + filepath.Join(*dir, "certs"),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-signing-key-file=" + key,
		"--service-account-key-file=" + key,
		"--service-cluster-ip-range=10.0.0.0/24",
		"--authorization-mode=RBAC",
		"--token-auth-file=" + tokenFile,
		"--disable-admission-plugins=ServiceAccount",
		"--endpoint-reconciler-type=none",
	})
	failed := make(chan error, 1)
	go func() { failed <- command.ExecuteContext(ctx) }()

	config := &rest.Config{
		Host:            fmt.Sprintf("https://127.0.0.1:%d", *port),
		BearerToken:     "admin-token",
		TLSClientConfig: rest.TLSClientConfig{Insecure: true},
		QPS:             500,
		Burst:           1000,
	}
	waitReady(ctx, config.Host, failed)
	startControllers(ctx, config)
	writeKubeconfig(filepath.Join(*dir, "kubeconfig"), config.Host, filepath.Join(*dir, "certs", "apiserver.crt"))
	fmt.Println("ready")

	select {
	case <-ctx.Done():
		select {
		case <-failed:
		case <-time.After(5 * time.Second):
		}
	case err := <-failed:
		check(err)
	}
}

func startStore(dir string, port int) *embed.Etcd {
	config := embed.NewConfig()
	config.Dir = dir
	config.LogLevel = "error"
	config.UnsafeNoFsync = true
	client := address(port)
	peer := address(port + 1)
	config.ListenClientUrls = []url.URL{client}
	config.AdvertiseClientUrls = []url.URL{client}
	config.ListenPeerUrls = []url.URL{peer}
	config.AdvertisePeerUrls = []url.URL{peer}
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	store, err := embed.StartEtcd(config)
	check(err)
	select {
	case <-store.Server.ReadyNotify():
	case <-time.After(30 * time.Second):
		log.Fatal("the store did not start")
	}
	return store
}

func address(port int) url.URL {
	return url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
}

func writeKey(path string) {
	if _, err := os.Stat(path); err == nil {
		return
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	der, err := x509.MarshalECPrivateKey(key)
	check(err)
	check(os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600))
}

func waitReady(ctx context.Context, host string, failed <-chan error) {
	client := &http.Client{
		Timeout:   time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/readyz", nil)
		check(err)
		request.Header.Set("Authorization", "Bearer admin-token")
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-failed:
			log.Fatalf("the API server ended: %v", err)
		case <-ctx.Done():
			os.Exit(1)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func startControllers(ctx context.Context, config *rest.Config) {
	client := kubernetes.NewForConfigOrDie(config)
	metadataClient := metadata.NewForConfigOrDie(config)
	cached := memory.NewMemCacheClient(client.Discovery())
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(cached)
	shared := informers.NewSharedInformerFactory(client, 10*time.Hour)
	objects := informerfactory.NewInformerFactory(shared, metadatainformer.NewSharedInformerFactory(metadataClient, 10*time.Hour))
	started := make(chan struct{})

	ignored := map[schema.GroupResource]struct{}{}
	for resource := range garbagecollector.DefaultIgnoredResources() {
		ignored[resource] = struct{}{}
	}
	collector, err := garbagecollector.NewGarbageCollector(ctx, client, metadataClient, mapper, ignored, objects, started)
	check(err)
	namespaces := namespace.NewNamespaceController(
		ctx, client, metadataClient, client.Discovery().ServerPreferredNamespacedResources,
		shared.Core().V1().Namespaces(), 5*time.Minute, corev1.FinalizerKubernetes)

	shared.Start(ctx.Done())
	objects.Start(ctx.Done())
	close(started)
	go collector.Run(ctx, 4, 30*time.Second)
	go collector.Sync(ctx, client.Discovery(), 2*time.Second)
	go namespaces.Run(ctx, 2)
}

func writeKubeconfig(path, host, certificate string) {
	check(os.WriteFile(path, []byte(fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: test
clusters:
  - name: test
    cluster:
      server: %s
      certificate-authority: %s
contexts:
  - name: test
    context: {cluster: test, user: admin}
users:
  - name: admin
    user: {token: admin-token}
`, host, certificate)), 0o600))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
